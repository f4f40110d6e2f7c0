//! The methods that are compared: heads by name, and the grid of the head's settings.

use std::collections::HashSet;

use headstart_baselines::Choice;
use headstart_nn::train::TrainConfig;

use super::plan::{Contender, Use};
use crate::project::Error;
use crate::settings::{Axis, SettingError, combinations};

/// Settings that a head without hidden layers has no use for.
const OF_HIDDEN_LAYERS: [&str; 3] = ["hidden", "activation", "dropout"];

/// The methods of these names, our own heads once for each combination of the grid's values.
///
/// # Errors
/// For a setting that there is not, or that cannot have the value.
pub(super) fn contenders(
    names: &[String],
    config: &TrainConfig,
    grid: &[Axis],
) -> Result<Vec<Contender>, Error> {
    let mut seen = HashSet::new();
    if let Some(axis) = grid.iter().find(|axis| !seen.insert(&axis.setting)) {
        return Err(SettingError::Twice { setting: axis.setting.clone() }.into());
    }
    // Checked here, for it may be that no head uses them.
    combinations(config, &grid.iter().collect::<Vec<_>>())?;

    let mut contenders: Vec<Contender> = vec![];
    for name in names {
        let ours: Vec<(String, TrainConfig)> = match name.as_str() {
            "mlp" => combinations(config, &grid.iter().collect::<Vec<_>>())?,
            "linear" => {
                let linear = TrainConfig { hidden: vec![], ..config.clone() };
                let useful = |axis: &&Axis| !OF_HIDDEN_LAYERS.contains(&axis.setting.as_str());
                combinations(&linear, &grid.iter().filter(useful).collect::<Vec<_>>())?
            }
            other => {
                let choice = Choice::named(other, config.seed)?;
                contenders.push(Contender { name: other.into(), choice, views: Use::None });
                continue;
            }
        };
        contenders.extend(ours.into_iter().map(|(settings, config)| Contender {
            name: format!("{name} {settings}").trim_end().to_owned(),
            choice: Choice::Head(Box::new(config)),
            views: Use::None,
        }));
    }
    let mut seen = HashSet::new();
    contenders.retain(|contender| seen.insert(contender.name.clone()));
    Ok(contenders)
}

/// Each of our own heads three times: without further views, trained on them, and measured by them too.
pub(super) fn with_views(contenders: Vec<Contender>) -> Vec<Contender> {
    let forms = |contender: Contender| -> Vec<Contender> {
        if !matches!(contender.choice, Choice::Head(_)) {
            return vec![contender];
        }
        let form = |word: &str, views| Contender {
            name: format!("{} views={word}", contender.name),
            views,
            ..contender.clone()
        };
        let further = [form("drawn", Use::Drawn), form("averaged", Use::Averaged)];
        std::iter::once(contender).chain(further).collect()
    };
    contenders.into_iter().flat_map(forms).collect()
}

/// Class weights by name get the places of these classes.
///
/// # Errors
/// For a name that is none of them.
pub(super) fn place_weights(contenders: &mut [Contender], classes: &[String]) -> Result<(), Error> {
    for contender in contenders {
        if let Choice::Head(config) = &mut contender.choice {
            **config = config.for_classes(classes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use headstart_nn::train::ClassWeight;

    use super::*;

    fn of(names: &[&str], grid: &[&str]) -> Result<Vec<Contender>, Error> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let grid: Vec<Axis> = grid.iter().map(|text| Axis::parse(text).unwrap()).collect();
        contenders(&names, &TrainConfig { epochs: 7, seed: 3, ..TrainConfig::default() }, &grid)
    }

    fn with_causes(error: &dyn std::error::Error) -> String {
        match error.source() {
            Some(cause) => format!("{error}: {}", with_causes(cause)),
            None => error.to_string(),
        }
    }

    fn config(contender: &Contender) -> &TrainConfig {
        let Choice::Head(config) = &contender.choice else { panic!("{contender:?}") };
        config
    }

    #[test]
    fn names_become_methods_with_the_settings_and_the_seed() {
        let contenders = of(&["mlp", "linear", "forest", "mlp"], &[]).unwrap();
        let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
        assert_eq!(names, ["mlp", "linear", "forest"]);
        assert_eq!((config(&contenders[0]).epochs, config(&contenders[0]).seed), (7, 3));
        assert_eq!((config(&contenders[1]).epochs, config(&contenders[1]).hidden.len()), (7, 0));
        assert_eq!(contenders[2].choice, Choice::named("forest", 3).unwrap());
    }

    #[test]
    fn a_grid_is_every_combination() {
        let contenders =
            of(&["mlp", "linear", "knn"], &["learning_rate=1e-4,1e-3", "dropout=0,0.5"]).unwrap();
        let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "mlp learning_rate=0.0001 dropout=0",
                "mlp learning_rate=0.0001 dropout=0.5",
                "mlp learning_rate=0.001 dropout=0",
                "mlp learning_rate=0.001 dropout=0.5",
                // It has nothing to drop.
                "linear learning_rate=0.0001",
                "linear learning_rate=0.001",
                "knn",
            ]
        );
        let rates: Vec<(f64, f64)> = contenders[..4]
            .iter()
            .map(|contender| (config(contender).learning_rate, config(contender).dropout))
            .collect();
        assert_eq!(rates, [(1e-4, 0.0), (1e-4, 0.5), (1e-3, 0.0), (1e-3, 0.5)]);
    }

    #[test]
    fn values_are_words_numbers_and_lists() {
        let contenders =
            of(&["mlp"], &["hidden=none,64,[64, 32]", "optimizer=adam,sgd", "shuffle=true"]).unwrap();
        let heads: Vec<&[usize]> =
            contenders.iter().map(|contender| config(contender).hidden.as_slice()).collect();
        assert_eq!(heads, [&[][..], &[], &[64], &[64], &[64, 32], &[64, 32]]);
        assert_eq!(contenders[5].name, "mlp hidden=[64, 32] optimizer=sgd shuffle=true");
    }

    #[test]
    fn heads_compete_without_views_trained_on_them_and_measured_by_them() {
        let contenders = with_views(of(&["mlp", "knn"], &["dropout=0,0.5"]).unwrap());
        let told: Vec<(&str, Use)> =
            contenders.iter().map(|contender| (contender.name.as_str(), contender.views)).collect();
        assert_eq!(
            told,
            [
                ("mlp dropout=0", Use::None),
                ("mlp dropout=0 views=drawn", Use::Drawn),
                ("mlp dropout=0 views=averaged", Use::Averaged),
                ("mlp dropout=0.5", Use::None),
                ("mlp dropout=0.5 views=drawn", Use::Drawn),
                ("mlp dropout=0.5 views=averaged", Use::Averaged),
                ("knn", Use::None),
            ]
        );
    }

    #[test]
    fn weights_by_name_get_their_places() {
        let mut contenders = of(&["mlp", "knn"], &["class_weight=auto,{dog=2.0}"]).unwrap();
        assert_eq!(contenders[1].name, "mlp class_weight={ dog = 2.0 }");
        place_weights(&mut contenders, &["cat".into(), "dog".into()]).unwrap();
        assert_eq!(config(&contenders[0]).class_weight, Some(ClassWeight::Auto));
        assert_eq!(config(&contenders[1]).class_weight, Some(ClassWeight::Given(vec![1.0, 2.0])));
        let mut contenders = of(&["linear"], &["class_weight={owl=2.0}"]).unwrap();
        assert!(place_weights(&mut contenders, &["cat".into(), "dog".into()]).is_err());
    }

    #[test]
    fn what_no_head_can_have_is_refused() {
        let refused = |grid: &[&str]| with_causes(&of(&["knn"], grid).unwrap_err());
        let unknown = refused(&["learning_rat=1"]);
        assert!(unknown.contains("learning_rat") && unknown.contains("`learning_rate`"), "{unknown}");
        assert!(unknown.contains("`batch_size`"), "all settings are listed: {unknown}");
        assert!(refused(&["dropout=1"]).contains("below 1"));
        assert!(refused(&["dropout=much"]).contains("much"));
        assert_eq!(refused(&["epochs=1", "epochs=2"]), "the grid has `epochs` more than once");
        for text in ["dropout", "=1", "dropout=", "dropout=0,,1"] {
            assert!(Axis::parse(text).unwrap_err().contains(text), "{text}");
        }
    }
}
