//! Backbones by name, from a hub of two ports: told, asked for, fetched, made, and then used without it.

use std::fs;
use std::process::Command;

use super::place::{Place, Said, repository};

#[allow(dead_code, reason = "its crate's tests use more of it")]
#[path = "../../crates/hub/tests/hub/server.rs"]
mod server;

use server::{COMMIT, Port, Server};

const PROCESSOR: &str = r#"{ "image_processor_type": "ViTImageProcessor", "do_resize": true, "size": { "height": 64, "width": 64 },
    "resample": 2, "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true,
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5] }"#;

/// Photographs, and a hub that serves one network under several names.
struct Hub {
    place: Place,
    server: Server,
}

impl Hub {
    fn new() -> Self {
        let (place, server) = (Place::with_photos(), Server::start());
        let network = |name: &str| fs::read(repository().join("tests/golden/cut/models").join(name)).unwrap();
        for (name, model_type, file) in [
            ("org/vit", "vit", "hf_vit_cls.onnx"),
            ("org/other", "other", "hf_vit_cls.onnx"),
            ("org/int8", "vit", "dynamic_int8.onnx"),
        ] {
            server
                .small(name, "config.json", format!("{{\"model_type\": \"{model_type}\"}}"))
                .small(name, "preprocessor_config.json", PROCESSOR)
                .small(name, "README.md", "---\nlicense: apache-2.0\n---\n# A network\n")
                .large(name, "onnx/model.onnx", network(file))
                .large(name, "onnx/model_quantized.onnx", network("dynamic_int8.onnx"));
        }
        server.small("org/weights", "config.json", "{}").large("org/weights", "model.safetensors", "weights");
        Self { place, server }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.place.command(arguments);
        command.env("HF_ENDPOINT", &self.server.hub).env("HF_HOME", self.place.path("hf"));
        command.env("XDG_CACHE_HOME", self.place.path("caches"));
        for variable in [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_HUB_OFFLINE",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &str) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    fn offline(&self, arguments: &str) -> Said {
        Said::of(self.command(arguments).env("HF_HUB_OFFLINE", "1").output().unwrap())
    }
}

#[test]
fn a_repository_is_told_of_fetched_once_and_used_without_the_hub() {
    let hub = Hub::new();
    let told =
        format!("org/vit@{COMMIT}: onnx/model.onnx, 0.1 MB, licence apache-2.0, from {}", hub.server.hub);
    let said = hub.run("extract photos/photos.csv --backbone org/vit").ended(2);
    said.says(&[&told, "no terminal to ask on", "`--yes`"]);
    assert_eq!(hub.server.count(Port::Cdn, "GET"), 0, "nothing is fetched unasked");

    // ONNX Runtime must be there to make something of it, and it is the one that was named.
    let said = hub.run("extract photos/photos.csv --backbone org/vit --yes --onnxruntime gone.so").ended(2);
    said.says(&["gone.so"]);
    assert_eq!(hub.server.count(Port::Cdn, "GET"), 0, "nothing is fetched that nothing can be made of");

    let said = hub.run("extract photos/photos.csv --backbone org/vit --yes").done();
    said.says(&[&told, "16 features from `last_hidden_state`", "the class token is taken", "10 images"]);
    let requests = hub.server.seen().len();
    for command in [
        "extract photos/photos.csv",
        "train photos/photos.csv --epochs 1 --name a",
        "predict a photos/cat.jpg",
    ] {
        hub.run(&format!("{command} --backbone org/vit")).done();
        hub.offline(&format!("{command} --backbone org/vit@{COMMIT}").replace("--name a", "--name b")).done();
    }
    assert_eq!(hub.server.seen().len(), requests, "what is kept is not asked for");
    assert!(hub.place.read("runs/a/run.toml").contains(&format!("org/vit@{COMMIT}")));
    // A hint names the commit, and not where the file is kept.
    let said = hub.run("train photos/photos.csv --backbone hf://org/vit --cache other").ended(2);
    said.says(&[&format!("--backbone org/vit@{COMMIT} --cache other")]).never_says("backbone.onnx");

    // A cache that another client has filled does as well: that keeps no notes of what the hub has not.
    fs::remove_dir_all(hub.place.path("caches/headstart/hub")).unwrap();
    fs::remove_dir_all(hub.place.path("hf/hub/models--org--vit/.no_exist")).unwrap();
    hub.offline("extract photos/photos.csv --backbone org/vit")
        .done()
        .says(&["10 images: 10 already computed"]);

    let mut named = hub.command("extract photos/photos.csv");
    named.env("HEADSTART_BACKBONE", format!("{}/org/vit", hub.server.hub));
    Said::of(named.output().unwrap()).done().says(&["10 images"]);
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_reason() {
    let hub = Hub::new();
    for (name, said, hint) in [
        ("hf://org/vit/onnx/model_quantized.onnx", "quantised dynamically", "--precision int8"),
        ("org/int8", "depend on the other images of its batch", "fp32"),
        ("hf://org/vit/pytorch_model.bin", "pickle", "ONNX"),
        ("hf://org/vit/model.safetensors", "not an ONNX file", ".onnx"),
        ("hf://org/vit/onnx/none.onnx", "none of the files `onnx/none.onnx`", "its page"),
        ("org/weights", "none of the files `onnx/model.onnx`, `model.onnx`", "onnx-community"),
        ("org/none", "`org/none` is unknown at 127.0.0.1", "HF_TOKEN"),
        ("org/vit@none", "no revision `none`", "main branch"),
        ("https://hub.example/org/vit", "not the address of a repository", "org/name"),
        // Nothing says what its tokens mean, so nothing is guessed.
        ("org/other", "cannot serve as a backbone", "--pool"),
    ] {
        hub.run(&format!("extract photos/photos.csv --backbone {name} --yes")).ended(2).says(&[said, hint]);
    }
    let said = hub.offline("extract photos/photos.csv --backbone org/new --yes").ended(2);
    said.says(&["`org/new` is not in the cache", "HF_HUB_OFFLINE"]);
    // A file that is missing stays a file.
    hub.run("extract photos/photos.csv --backbone photos/gone")
        .ended(2)
        .says(&["photos/gone"])
        .never_says("hub");
    let unknown = PROCESSOR.replace("\"do_resize\"", "\"do_pad\": true, \"do_resize\"");
    hub.server.small("org/pads", "config.json", "{}").small("org/pads", "preprocessor_config.json", unknown);
    hub.server.large("org/pads", "onnx/model.onnx", "no network");
    hub.run("backbone fetch org/pads --yes").ended(2).says(&["`do_pad` is true", "--recipe"]);
}

#[test]
fn short_names_are_listed_and_whether_they_are_here() {
    let hub = Hub::new();
    let list = hub.run("backbone list").done().out;
    let row = |name: &str| {
        list.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{list}")).to_owned()
    };
    assert!(row("resnet50").contains("2048") && row("resnet50").contains("yes"), "{list}");
    assert!(row("dinov2-small").contains("Apache-2.0") && row("dinov2-small").contains(" no "), "{list}");
    hub.run("extract photos/photos.csv --backbone dinov2-small")
        .ended(2)
        .says(&["`onnx-community/dinov2-small` is unknown"]);
    // What is listed and on no hub is no wrong name.
    assert!(hub.run("backbone fetch resnet50").done().out.trim().ends_with("resnet50.onnx"));
    // A command that takes a file says where a name has one.
    let said = hub.run("backbone inspect org/vit").ended(2);
    said.says(&["`org/vit` does not exist", "`headstart backbone fetch org/vit` prints the path"]);
    for command in ["extract photos/photos.csv --backbone dinov2-smal", "backbone fetch dinov2-smal"] {
        hub.run(command).ended(2).says(&["dinov2-smal", "`headstart backbone list`"]);
    }
}
