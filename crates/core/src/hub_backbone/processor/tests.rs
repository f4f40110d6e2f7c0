use super::*;
use serde_json::json;

fn of(config: Value) -> Result<Recipe> {
    recipe(config.as_object().unwrap())
}

/// As `facebook/dinov2-small` has it.
fn dinov2() -> Value {
    json!({
        "crop_size": { "height": 224, "width": 224 }, "do_center_crop": true, "do_convert_rgb": true,
        "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3,
        "rescale_factor": 0.00392156862745098, "size": { "shortest_edge": 256 }
    })
}

fn with(field: &str, value: Value) -> Result<Recipe> {
    let mut config = dinov2();
    config[field] = value;
    of(config)
}

#[test]
fn dinov2_is_prepared_as_a_resnet_of_the_same_library() {
    assert_eq!(of(dinov2()).unwrap(), Recipe::preset("hf-resnet50").unwrap());
}

#[test]
fn a_field_that_asks_for_nothing_is_no_step() {
    assert_eq!(with("disable_grouping", Value::Null).unwrap(), of(dinov2()).unwrap());
    let error = with("disable_grouping", json!(true)).unwrap_err();
    assert!(matches!(&error, Error::Field { field, .. } if field == "disable_grouping"), "{error}");
}

#[test]
fn one_number_means_what_the_processor_takes_it_for() {
    let size = |kind: &str| {
        let mean = [0.5, 0.5, 0.5];
        of(
            json!({ "feature_extractor_type": kind, "size": 224, "crop_size": 224, "resample": 2, "image_mean": mean, "image_std": mean }),
        )
    };
    assert_eq!(size("ViTFeatureExtractor").unwrap().resize, Resize::Stretch { width: 224, height: 224 });
    let short = Resize::ShortEdge { edge: 224, rounding: Rounding::Down };
    assert_eq!(size("CLIPFeatureExtractor").unwrap().resize, short);
    let siglip = of(json!({
        "image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor", "size": { "height": 256, "width": 224 },
        "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": null,
    }))
    .unwrap();
    assert_eq!((siglip.resize, siglip.crop), (Resize::Stretch { width: 224, height: 256 }, None));
    assert_eq!((siglip.filter, siglip.divisor, siglip.mean), (Filter::Bicubic, 255.0, [0.5; 3]));
}

#[test]
fn convnext_crops_a_part_and_stretches_large_sizes() {
    let of = |edge: u32| {
        of(json!({
            "image_processor_type": "ConvNextImageProcessor", "size": { "shortest_edge": edge }, "crop_pct": 0.875, "resample": 3,
            "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]
        }))
        .unwrap()
    };
    assert_eq!(of(224), Recipe::preset("hf-resnet50").unwrap());
    assert_eq!((of(384).resize, of(384).crop), (Resize::Stretch { width: 384, height: 384 }, None));
}

#[test]
fn steps_that_are_off_are_not_taken() {
    let plain = with("do_normalize", false.into()).unwrap();
    assert_eq!((plain.mean, plain.std, plain.divisor), ([0.0; 3], [1.0; 3], 255.0));
    assert_eq!(with("do_rescale", false.into()).unwrap().divisor, 1.0);
    assert_eq!(with("do_resize", false.into()).unwrap().resize, Resize::None);
    assert_eq!(with("rescale_factor", json!(0.5)).unwrap().divisor, 2.0);
}

#[test]
fn what_is_not_understood_is_named() {
    refused(
        &dinov2(),
        &[
            ("do_pad", json!(true)),
            ("rescale_offset", json!(true)),
            ("image_processor_type", json!("EfficientNetImageProcessor")),
            ("image_processor_type", json!(null)),
            ("resample", json!(5)),
            ("resample", json!(null)),
            ("image_mean", json!([0.5])),
            ("image_mean", json!([0.5, "0.5", 0.5, 0.5])),
            ("image_std", json!(null)),
            ("size", json!({ "longest_edge": 256 })),
            ("size", json!({ "shortest_edge": 256, "longest_edge": 512 })),
            ("size", json!(0)),
            ("crop_size", json!(257)),
            ("crop_size", json!({ "shortest_edge": 224 })),
            ("crop_size", json!(null)),
            ("do_center_crop", json!(false)),
            ("do_center_crop", json!("yes")),
            ("do_center_crop", json!(null)),
            ("do_resize", json!(null)),
            ("do_rescale", json!(null)),
            ("do_normalize", json!(null)),
            ("crop_pct", json!(0.9)),
            ("rescale_factor", json!(0)),
        ],
    );
}

/// Each of these would give other pixels than the processor's, or none there.
#[test]
fn a_processor_takes_only_its_own_fields() {
    let short = || json!({ "shortest_edge": 224 });
    let vit = [("do_center_crop", json!(true)), ("size", short()), ("do_resize", json!(false))];
    refused(&plain("ViTImageProcessor", json!(224)), &vit);
    let siglip = [("size", json!(224)), ("size", short()), ("do_center_crop", json!(true))];
    refused(&plain("SiglipImageProcessor", json!({ "height": 224, "width": 224 })), &siglip);
    let deit = [("crop_size", json!(257)), ("crop_size", json!(null)), ("size", short())];
    let mut cropped = plain("DeiTImageProcessor", json!(256));
    cropped["crop_size"] = json!(224);
    refused(&cropped, &deit);
    let both = json!({ "height": 224, "width": 224 });
    let convnext = [("size", both), ("crop_pct", json!(1.1)), ("do_center_crop", json!(true))];
    refused(&plain("ConvNextImageProcessor", json!(224)), &convnext);
}

#[test]
fn a_crop_that_the_processor_passes_over_is_not_taken() {
    for off in [json!(false), json!(null)] {
        let mut config = plain("ViTImageProcessor", json!(256));
        (config["crop_size"], config["do_center_crop"]) = (json!(224), off);
        let recipe = of(config).unwrap();
        assert_eq!((recipe.resize, recipe.crop), (Resize::Stretch { width: 256, height: 256 }, None));
    }
    // DeiT crops where nothing is said of it.
    let mut config = plain("DeiTImageProcessor", json!(256));
    config["crop_size"] = json!(224);
    let crop = Crop { width: 224, height: 224, rounding: Rounding::Down };
    assert_eq!(of(config).unwrap().crop, Some(crop));
}

fn plain(kind: &str, size: Value) -> Value {
    let mean = [0.5, 0.5, 0.5];
    json!({ "image_processor_type": kind, "size": size, "resample": 2, "image_mean": mean, "image_std": mean })
}

/// Each change is refused, by the name of its field.
fn refused(config: &Value, changes: &[(&str, Value)]) {
    for (field, value) in changes {
        let mut changed = config.clone();
        changed[field] = value.clone();
        let found = of(changed).map_err(|error| match error {
            Error::Field { field, .. } => field,
            other => other.to_string(),
        });
        assert_eq!(found.err().as_deref(), Some(*field), "{config} with {field} {value}");
    }
}
