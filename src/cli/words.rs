//! What libraries say of text that they cannot read, in words for people: they speak of Rust's types.

/// The same in plain words; what is not known stays as it is.
pub fn plain(message: &str) -> String {
    message.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &str) -> String {
    if let Some(place) = line.strip_prefix("TOML parse error at ") {
        return format!("{place}:");
    }
    if let Some((before, place)) = line.split_once("EOF while parsing ") {
        let place = place.find(" at line ").map_or("", |at| &place[at..]);
        return format!("{before}it ends in the middle{place}");
    }
    // `walkdir`, of a folder: `IO error for operation on photos: Permission denied (os error 13)`
    if let Some((before, rest)) = line.split_once("IO error for operation on ") {
        return format!("{before}cannot read {rest}");
    }
    // `ureq`, of a connection: `io: Connection refused (os error 111)`
    if let Some(rest) = line.strip_prefix("io: ") {
        return match rest.strip_prefix("failed to lookup address information: ") {
            Some(system) => format!("no address was found for this name: {system}"),
            None => rest.to_owned(),
        };
    }
    if line == "dlopen failed" || line == "LoadLibraryExW failed" {
        return "the system could not load it".into();
    }
    for wrong in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some((before, rest)) = line.split_once(wrong)
            && let Some((found, expected)) = rest.split_once(", expected ")
        {
            return format!("{before}{}", instead(found, expected));
        }
    }
    line.to_owned()
}

/// `string "abc"`, `f64 at line 1 column 4`: `expected a number, found "abc" at line 1 column 4`
fn instead(found: &str, expected: &str) -> String {
    let place =
        [" at line ", " in `"].iter().find_map(|place| expected.find(place)).unwrap_or(expected.len());
    let (expected, place) = expected.split_at(place);
    format!("expected {}, found {}{place}", kind(expected), value(found))
}

fn kind(expected: &str) -> &str {
    match expected {
        "f32" | "f64" | "a float" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "an integer" => {
            "a whole number"
        }
        "bool" | "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" => "text",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") || other.starts_with("internally tagged ") => "a table",
        other => other,
    }
}

fn value(found: &str) -> &str {
    let kinds = ["string ", "integer ", "floating point ", "boolean ", "character "];
    match found {
        "map" => "a table",
        "sequence" => "a list",
        "null" | "unit value" | "Option value" => "nothing",
        _ => kinds.iter().find_map(|kind| found.strip_prefix(kind)).unwrap_or(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_rust_are_told_in_words() {
        let of_toml = |text: &str| {
            plain(&toml::from_str::<headstart::train::TrainConfig>(text).unwrap_err().to_string())
        };
        let said = of_toml("\nl2 = \"abc\"");
        assert!(
            said.starts_with("line 2, column 6:\n") && said.contains("expected a number, found \"abc\""),
            "{said}"
        );
        assert!(of_toml("epochs = \"many\"").contains("expected a whole number, found \"many\""));
        assert!(of_toml("hidden = 3.5").contains("expected a list, found `3.5`"));
        let of_json = |text: &str| plain(&serde_json::from_str::<Vec<usize>>(text).unwrap_err().to_string());
        assert_eq!(of_json("[1,"), "it ends in the middle at line 1 column 3");
        assert_eq!(of_json("[1.5]"), "expected a whole number, found `1.5` at line 1 column 4");
        assert_eq!(of_json("{}"), "expected a list, found a table at line 1 column 0");
    }

    #[test]
    fn what_is_plain_stays() {
        for text in ["no such file", "unknown field `epoch`, expected one of `a`, `b`", "two\n  lines"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("io: Connection refused"), "Connection refused");
        assert_eq!(
            plain("io: failed to lookup address information: not known"),
            "no address was found for this name: not known"
        );
        assert_eq!(plain("IO error for operation on a/b: denied"), "cannot read a/b: denied");
    }
}
