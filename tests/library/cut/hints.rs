//! Every hint about a graph, followed to the letter, leads out.

use headstart::onnx::{DataType, ValueInfo};

use super::desk::Desk;
use super::nets::{self, WIDTH};
use super::*;

const EXTRACT: &str = "extract photos.csv --backbone net.onnx";

#[test]
fn a_classifier_is_cut_and_then_told_its_recipe() {
    let desk = Desk::with("net.onnx", &nets::classifier("logits", 10));
    let said = desk.run(EXTRACT);
    assert_eq!(said.status, 2);
    assert!(
        said.err.contains("whole classifier") && said.err.contains("it is called `logits`"),
        "{}",
        said.err
    );
    assert!(!desk.path("data").exists());
    assert!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50") > 0);
}

#[test]
fn what_may_be_either_is_asked_about_and_both_answers_work() {
    let desk = Desk::with("net.onnx", &nets::classifier("y", 10));
    let said = desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50");
    assert!(said.status == 2 && said.err.contains("cannot tell whether"), "{}", said.err);
    assert!(said.err.contains("makes 10 numbers of 16"), "{}", said.err);
    assert_eq!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50"), 2);
    // Looking says the same as computing does, and what to do about it.
    let looked = desk.run("backbone inspect net.onnx");
    assert_eq!(looked.status, 0);
    assert!(looked.out.contains("cannot tell whether its output `y`"), "{}", looked.out);
    assert!(
        looked.err.contains("--feature-tensor y") && looked.err.contains("backbone cut net.onnx"),
        "{}",
        looked.err
    );
    // Whoever cuts it says that it is a classifier; that nothing proves it is said.
    let cut = desk.run("backbone cut net.onnx --output features.onnx --overwrite");
    assert!(cut.status == 0 && cut.out.contains("`y` is treated as class scores"), "{}{}", cut.out, cut.err);
}

#[test]
fn scores_that_are_asked_for_by_name_are_warned_of() {
    let desk = Desk::with("net.onnx", &nets::classifier("logits", 10));
    let said =
        desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50 --feature-tensor logits");
    assert!(said.status == 0 && said.err.contains("warning: using `logits` as features"), "{}", said.err);
}

#[test]
fn of_several_outputs_those_that_can_be_meant_are_offered() {
    let mut net = nets::trunk();
    net.gemm("pooled", "logits", [WIDTH, 10]);
    net.gemm("pooled", "embedding", [WIDTH, 8]);
    let model = net.finish(&[("logits", &[10]), ("embedding", &[8]), ("map", &[WIDTH, 12, 12])]);
    let desk = Desk::with("net.onnx", &model);
    let said = desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50");
    let hint = said.hint().unwrap();
    assert!(
        hint.contains("`--feature-tensor embedding`") && !hint.contains("logits") && !hint.contains(" map`"),
        "{hint}"
    );
    assert_eq!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50"), 1);

    // All of them scores: there is nothing to choose from.
    let mut net = nets::trunk();
    net.gemm("pooled", "logits", [WIDTH, 10]);
    net.gemm("pooled", "other_logits", [WIDTH, 5]);
    let desk = Desk::with("net.onnx", &net.finish(&[("logits", &[10]), ("other_logits", &[5])]));
    let said = desk.run(EXTRACT);
    assert!(said.err.contains("whole classifier") && said.err.contains("its other output"), "{}", said.err);
    assert!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50") > 0);
}

#[test]
fn what_is_no_row_of_features_yet_becomes_one() {
    let follow = |model: &Model, more: &str| {
        let desk = Desk::with("net.onnx", model);
        desk.follow(&format!("extract photos.csv --backbone net.onnx --recipe keras-resnet50{more}"))
    };
    // A map, features inside, features whose number is not told, 16 bits.
    assert!(follow(&nets::trunk().finish(&[("map", &[WIDTH, 12, 12])]), "") > 0);
    assert!(follow(&nets::classifier("logits", 10), " --feature-tensor pooled") > 0);
    assert!(follow(&nets::classifier("logits", 10), " --feature-tensor nowhere") > 0);
    let mut open = nets::trunk().finish(&[]);
    let unknown = onnx::Dim::Unknown(());
    open.graph.as_mut().unwrap().output =
        vec![ValueInfo::float_tensor("pooled", &[onnx::Dim::Named("n".into()), unknown])];
    assert!(follow(&open, "") > 0);
    let mut half = nets::trunk();
    half.cast("pooled", "y", DataType::Float16);
    let half = half.finish_as(vec![ValueInfo::tensor_of(DataType::Float16, "y", &nets::dims(&[WIDTH]))]);
    assert!(follow(&half, "") > 0);
    // Another input, which the features do not need.
    let mut two = nets::trunk();
    two.gemm("pooled", "logits", [WIDTH, 10]);
    two.node("Identity", &["temperature"], "echo");
    two.graph.input.push(ValueInfo::float_tensor("temperature", &nets::dims(&[1])));
    assert!(follow(&two.finish(&[("logits", &[10]), ("echo", &[1])]), " --feature-tensor pooled") > 0);
}

/// A hint never says in somebody's place that class scores are features: not of 16 bits, and not of every place of a map.
#[test]
fn scores_of_another_type_or_shape_are_not_taken_by_a_hint() {
    let mut half = nets::trunk();
    half.gemm("pooled", "p", [WIDTH, 10]);
    half.cast("p", "y", DataType::Float16);
    let half = half.finish_as(vec![ValueInfo::tensor_of(DataType::Float16, "y", &nets::dims(&[10]))]);
    let desk = Desk::with("net.onnx", &half);
    let said = desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50");
    assert!(said.status == 2 && said.err.contains("cannot tell whether"), "{}", said.err);

    let mut map = nets::trunk();
    map.weights("class.w", &[10, WIDTH, 1, 1]);
    map.node("Conv", &["map", "class.w"], "y");
    let desk = Desk::with("net.onnx", &map.finish(&[("y", &[10, 12, 12])]));
    let said = desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50");
    let hint = said.hint().unwrap();
    assert!(said.status == 2 && hint.contains("backbone cut net.onnx --output"), "{}", said.err);
    assert!(!hint.contains("--feature-tensor"), "{hint}");
}

#[test]
fn hidden_layers_leave_a_choice_and_each_can_be_taken() {
    let mut net = nets::trunk();
    net.gemm("pooled", "h1", [WIDTH, 12]);
    net.node("Relu", &["h1"], "hidden layer");
    net.gemm("hidden layer", "logits", [12, 10]);
    let desk = Desk::with("net.onnx", &net.finish(&[("logits", &[10])]));
    let hint = desk.run("backbone cut net.onnx --output features.onnx");
    let tensors = ["`--feature-tensor 'hidden layer'`", "`--feature-tensor pooled`"];
    assert!(tensors.iter().all(|tensor| hint.hint().unwrap().contains(tensor)), "{}", hint.err);
    assert!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50") > 0);
}

#[test]
fn a_recipe_of_another_size_is_written_down() {
    let model = nets::trunk().finish(&[("pooled", &[WIDTH])]);
    let desk = Desk::with("net.onnx", &model);
    let said = desk.run("extract photos.csv --backbone net.onnx --recipe torchvision-v1");
    assert!(said.err.contains("of 48 by 48 pixels") && said.err.contains("224 by 224"), "{}", said.err);
    assert!(desk.follow("extract photos.csv --backbone net.onnx --recipe torchvision-v1") > 0);
    assert!(desk.follow("backbone cut net.onnx --output other.onnx --recipe torchvision-v1") > 0);
    // Keras prescribes no size, so the graph's goes.
    assert_eq!(desk.run("extract photos.csv --backbone net.onnx --recipe keras-resnet50").status, 0);
    // What PyTorch wrote is guessed, and the guess is of another size.
    let desk = Desk::with("net.onnx", &Model { producer_name: Some("pytorch".into()), ..model });
    assert!(desk.follow(EXTRACT) > 0);
}

#[test]
fn networks_of_exporters_lead_out_too() {
    for name in ["hf_vit_cls", "vgg", "two_outputs", "feature_map", "squeezenet", "qlinear", "dynamic_int8"] {
        let desk = Desk::new();
        std::fs::copy(models().join(format!("{name}.onnx")), desk.path("net.onnx")).unwrap();
        assert!(desk.follow("extract photos.csv --backbone net.onnx --recipe keras-resnet50") > 0, "{name}");
    }
}

/// The command's own words are in the headline, and the file is.
#[test]
fn every_error_of_cut_names_the_file() {
    let golden = |name: &str| onnx::read(&models().join(format!("{name}.onnx"))).unwrap();
    let mut constant = nets::trunk();
    constant.constant("zero", &[1], &[0.0]);
    constant.node("Mul", &["pooled", "zero"], "nothing");
    constant.gemm("nothing", "logits", [WIDTH, 10]);
    let constant = constant.finish(&[("logits", &[10])]);
    let mut unmade = nets::trunk();
    unmade.constant("one", &[1, 4], &[1.0; 4]);
    unmade.node("Identity", &["one"], "features");
    let unmade = unmade.finish(&[("features", &[4])]);
    let mut unknown = nets::trunk();
    unknown.node("Twist", &["pooled"], "twisted").domain = Some("com.example".into());
    unknown.gemm("twisted", "logits", [WIDTH, 10]);
    let unknown = unknown.finish(&[("logits", &[10])]);
    let mut refused = nets::trunk();
    refused.node("Twist", &["map"], "twisted");
    refused.node("GlobalAveragePool", &["twisted"], "mean");
    refused.node("Flatten", &["mean"], "flat");
    let refused = refused.finish(&[("flat", &[WIDTH])]);
    let plain = nets::classifier("logits", 10);
    let cases: Vec<(&str, Model, &str, &str)> = vec![
        ("no image", golden("lstm"), "", "does not take images"),
        ("a detector", golden("detector"), "", "finds objects"),
        ("no features", golden("segmentation"), "", "no features"),
        ("a choice", golden("vgg"), "", "several tensors could be the features"),
        ("no such tensor", plain.clone(), "--feature-tensor nowhere", "no tensor `nowhere`"),
        (
            "tokens",
            golden("hf_vit_cls"),
            "--feature-tensor last_hidden_state",
            "does not say how to pool them into one",
        ),
        ("no tokens", plain.clone(), "--pool mean", "expected `(1, tokens, d)`"),
        ("a shape", plain.clone(), "--feature-tensor logits --pool cls", "has the shape (1, 10)"),
        ("a size", plain.clone(), "--recipe torchvision-v1", "of 48 by 48 pixels"),
        (
            "numbers",
            nets::of_bytes(DataType::Uint8, Some(10)),
            "--recipe raw-unit",
            "takes whole numbers from 0 to 255 (uint8)",
        ),
        ("labels", plain.clone(), "--labels labels.json", "expected 10 labels, one for each class, found 1"),
        ("no images", plain.clone(), "--image a.jpg --image b.jpg", "cannot read `a.jpg`"),
        (
            "an image that is none",
            plain.clone(),
            "--image photos.csv --image cat.jpg",
            "cannot use the image",
        ),
        ("one image", plain.clone(), "--image cat.jpg", "two images or more"),
        ("constant features", constant, "", "the proof failed: two images differ"),
        ("no way from the image", unmade, "", "the same for every image"),
        ("unknown operators", unknown, "", "which this program does not look into"),
        ("refused", refused, "", "ONNX Runtime refuses the network"),
    ];
    for (name, model, more, words) in cases {
        let desk = Desk::with("the net.onnx", &model);
        std::fs::write(desk.path("labels.json"), r#"["only"]"#).unwrap();
        let said = desk.run(&format!("backbone cut 'the net.onnx' --output features.onnx {more}"));
        assert_eq!(said.status, 2, "{name}: {}", said.err);
        assert!(said.err.contains("`the net.onnx`"), "{name} is said without the file:\n{}", said.err);
        assert!(said.err.contains(words), "{name}: `{words}` is not in\n{}", said.err);
        let words = said.err.split("hint: ").next().unwrap();
        assert!(
            ["{ ", "Some(", "None,", "[1, "].iter().all(|debug| !words.contains(debug)),
            "{name}:\n{}",
            said.err
        );
        let times = said.err.matches("the net.onnx").count()
            - said.hint().map_or(0, |hint| hint.matches("the net.onnx").count());
        assert!(times <= 1, "{name} says the file more than once:\n{}", said.err);
        assert!(!desk.path("features.onnx").exists(), "{name}");
    }
    let desk = Desk::with("net.onnx", &plain);
    let onto_itself = desk.run("backbone cut net.onnx --output net.onnx --overwrite");
    assert!(onto_itself.status == 2 && onto_itself.err.contains("`net.onnx`"), "{}", onto_itself.err);
    std::fs::write(desk.path("there.onnx"), "").unwrap();
    let exists = desk.run("backbone cut net.onnx --output there.onnx");
    assert!(exists.status == 2 && exists.err.contains("`there.onnx` exists already"), "{}", exists.err);
}

/// What the hint says about a folder or a file of another kind.
#[test]
fn what_is_no_graph_is_told_what_it_could_be() {
    let desk = Desk::with("folder/net.onnx", &nets::classifier("logits", 10));
    let said = desk.run("backbone inspect folder");
    assert!(said.hint().unwrap().contains("folder/net.onnx"), "{}", said.err);
    std::fs::create_dir(desk.path("saved")).unwrap();
    std::fs::write(desk.path("saved/saved_model.pb"), "").unwrap();
    let said = desk.run("backbone inspect saved");
    assert!(said.hint().unwrap().contains("tf2onnx.convert --saved-model saved"), "{}", said.err);
    let said = desk.run("backbone cut gone.onnx --output features.onnx");
    assert!(said.err.contains("`gone.onnx` does not exist"), "{}", said.err);
    assert!(said.hint().unwrap().starts_with("correct the path"), "{}", said.err);
    let said = desk.run("backbone inspect cat.jpg");
    assert!(said.err.contains("is an image"), "{}", said.err);
    assert!(said.hint().unwrap().starts_with("give an ONNX file"), "{}", said.err);
}

#[test]
fn quantising_leads_out_too() {
    // Two layers, so that one is left when the other stays in floats.
    let mut net = nets::trunk();
    net.weights("second.w", &[WIDTH, WIDTH, 1, 1]);
    net.node("Conv", &["map", "second.w"], "second");
    net.node("Relu", &["second"], "last");
    net.node("GlobalAveragePool", &["last"], "mean");
    net.node("Flatten", &["mean"], "features");
    let desk = Desk::with("net.onnx", &net.finish(&[("features", &[WIDTH])]));
    let mut list = "path\n".to_owned();
    for (place, entry) in std::fs::read_dir("data/photos").unwrap().enumerate() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "jpg") {
            std::fs::copy(&file, desk.path(&format!("{place}.jpg"))).unwrap();
            list += &format!("{place}.jpg\n");
        }
    }
    std::fs::write(desk.path("many.csv"), list).unwrap();
    let quantize = "backbone quantize net.onnx --calibrate many.csv --output int8.onnx --overwrite --recipe keras-resnet50";
    // No graph in integers is the same as one in floats.
    let far = desk.run(&format!("{quantize} --min-cosine 1 --keep-float none"));
    assert!(far.status == 2 && far.err.contains("cannot quantise `net.onnx`"), "{}", far.err);
    assert_eq!(desk.follow(&format!("{quantize} --min-cosine 1 --keep-float none")), 1);
    let unknown = desk.run(&format!("{quantize} --keep-float nowhere"));
    assert!(unknown.status == 2 && unknown.err.contains("no layer `nowhere`"), "{}", unknown.err);
    assert!(desk.follow(&format!("{quantize} --keep-float nowhere")) > 0);
    // What is no backbone yet becomes one first.
    let desk = Desk::with("net.onnx", &nets::classifier("logits", 10));
    let classifier = desk.run("backbone quantize net.onnx --calibrate photos.csv --output int8.onnx");
    assert!(classifier.hint().unwrap().contains("`headstart backbone cut net.onnx"), "{}", classifier.err);
    std::fs::write(desk.path("one.csv"), "path\ncat.jpg\n").unwrap();
    let few = desk.run("backbone quantize net.onnx --calibrate one.csv --output int8.onnx --recipe keras-resnet50 --feature-tensor logits");
    assert!(few.status == 2 && few.hint().unwrap().starts_with("give more images"), "{}", few.err);
}

/// What hints name outside the program is there.
#[test]
fn recipes_of_just_that_hints_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let justfile = std::fs::read_to_string(root.join("justfile")).unwrap();
    let mut found = 0;
    for file in ["graph_hint.rs", "device_hint.rs", "hint.rs", "project_hint.rs", "dataset_hint.rs"] {
        let hints = std::fs::read_to_string(root.join("src/cli").join(file)).unwrap();
        let code: Vec<&str> = hints.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for recipe in code.join("\n").split("`./justw").skip(1) {
            // A line may end behind it.
            let recipe = recipe.trim_start_matches(['\\', '\n', ' ']).split('`').next().unwrap();
            assert!(
                justfile.lines().any(|line| line.starts_with(&format!("{recipe}:"))),
                "no `./justw {recipe}`"
            );
            found += 1;
        }
    }
    assert!(found > 5, "{found}");
}
