//! What to do about a repository that gives no backbone.

use headstart::hub;
use headstart::hub_backbone::Error;

use super::graph_hint::for_cut;

pub fn for_hub(error: &hub::Error) -> Option<String> {
    let remedy = error.remedy()?;
    // The library knows no short names.
    let is_name = matches!(error, hub::Error::Name { .. });
    Some(if is_name { format!("{remedy}; `headstart backbone list` shows the short names") } else { remedy })
}

pub fn for_hub_backbone(error: &Error) -> Option<String> {
    Some(match error {
        Error::Hub(error) => return for_hub(error),
        Error::NoNetwork { .. } => {
            "look at the list of files on its page, and name one: `--backbone hf://org/name/FILE.onnx`; others have ONNX files of the \
             same network: `onnx-community/…`, `Xenova/…`"
                .into()
        }
        Error::Quantised { .. } => {
            "leave the file out, and that in fp32 is taken; `--precision int8` makes an int8 graph of it that is the same in any batch"
                .into()
        }
        Error::NotOnnx { .. } => "name a file that ends in `.onnx`, or leave the file out".into(),
        Error::NoRecipe { .. } | Error::Field { .. } => {
            "fetch the ONNX file yourself, and say how images are prepared: `headstart backbone cut FILE -o OUT.onnx --recipe …`".into()
        }
        Error::Cut { source, .. } => {
            return for_cut(source).or_else(|| Some("another export of the same network may do".into()));
        }
        _ => return None,
    })
}
