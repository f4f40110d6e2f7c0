//! The tip of a long extraction, as a sentence.

use headstart::project::{Instead, Tip, Way};

use super::progress::clock;

/// `this takes about 39 s; about 12 s with `--precision int8`; about 6 s with `--backbone efficientnet-lite0`, a smaller network`
pub fn sentence(Tip { expected, instead }: &Tip) -> String {
    let mut sentence = format!("this takes about {}", clock(*expected));
    for Instead { way, takes } in instead {
        let how = match way {
            Way::Precision(precision) => format!("`--precision {precision}`"),
            Way::Backbone(name) => format!("`--backbone {name}`, a smaller network"),
        };
        sentence += &format!("; about {} with {how}", clock(*takes));
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use headstart::backbone::device::Precision;

    use super::*;

    #[test]
    fn each_way_is_told_with_what_to_type() {
        let way = |way, seconds| Instead { way, takes: Duration::from_secs(seconds) };
        let tip = Tip {
            expected: Duration::from_secs(39),
            instead: vec![way(Way::Precision(Precision::Int8), 12), way(Way::Backbone("small".into()), 6)],
        };
        let expected = "this takes about 39 s; about 12 s with `--precision int8`; about 6 s with `--backbone small`, a \
                        smaller network";
        assert_eq!(sentence(&tip), expected);
    }
}
