//! Backbones by name: a repository of a model hub becomes a proven backbone, once, and is kept for the user.
//!
//! A branch is resolved once: from then on, what was made of its commit is used without a network, until Python's client or
//! another commit that is named brings a newer one into the cache.

mod choice;
mod error;
mod processor;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use headstart_backbone::runtime::Runtime;
use headstart_convert::cut::{self, Cut, CutOptions};
use headstart_hub::{self as hub, FileName, Found, Hub, Reference, Settings, Snapshot, Watch};
use headstart_image::Recipe;
use headstart_onnx as onnx;
use serde_json::{Map, Value};

pub use error::{Error, Result};
pub use table::{KNOWN, Known};

/// Of the rules by which a backbone is made: with other rules it is made again.
const RULES: &str = "2";
const CONFIG: &str = "config.json";
const PROCESSOR: &str = "preprocessor_config.json";
const CARD: &str = "README.md";

/// A model hub, its cache, and the folder of what was made of its files.
#[derive(Debug)]
pub struct BackboneHub {
    hub: Hub,
    endpoint: String,
    folder: PathBuf,
}

impl BackboneHub {
    /// What is made is kept in `folder`. Nothing is asked for yet.
    ///
    /// # Errors
    /// If no certificates can be read, by which a hub is known.
    pub fn new(settings: Settings, folder: impl Into<PathBuf>) -> Result<Self> {
        let endpoint = settings.endpoint();
        Ok(Self { hub: Hub::new(settings)?, endpoint, folder: folder.into().join(RULES) })
    }

    /// The backbone that was made of it before, without a network.
    pub fn kept(&self, reference: &Reference) -> Option<PathBuf> {
        let snapshot = self.hub.kept(reference)?;
        Some(self.path(reference, &snapshot)).filter(|path| path.is_file())
    }

    fn path(&self, reference: &Reference, snapshot: &Snapshot<'_>) -> PathBuf {
        let folder = self.folder.join(reference.repository.as_str().replace('/', "--"));
        let file =
            reference.file.as_ref().map_or("backbone.onnx".into(), |file| file.as_str().replace('/', "--"));
        folder.join(snapshot.commit().as_str()).join(file)
    }

    /// Find out what is to be fetched. Only small files of settings are fetched for it.
    ///
    /// # Errors
    /// If there is no such repository, if none of its files will do, or if it does not say how images are prepared.
    pub fn plan(&self, reference: &Reference, watch: Watch<'_>) -> Result<Plan<'_>> {
        let snapshot = self.hub.resolve(reference)?;
        let repository = reference.repository.to_string();
        let settings = Repository { name: &repository, snapshot: &snapshot };
        let config = settings.json(CONFIG, watch)?.unwrap_or_default();
        let model_type = config.get("model_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let network = settings.network(reference.file.as_ref(), &model_type)?;
        let beside = FileName::new(&format!("{}_data", network.file()))?;
        let weights = settings.find(&beside)?;
        let no_recipe = || Error::NoRecipe { repository: repository.clone() };
        let recipe = processor::recipe(&settings.json(PROCESSOR, watch)?.ok_or_else(no_recipe)?)?;
        let licence = settings.text(CARD, watch)?.as_deref().and_then(licence);
        let path = self.path(reference, &snapshot);
        Ok(Plan {
            endpoint: &self.endpoint,
            repository,
            snapshot,
            model_type,
            network,
            weights,
            recipe,
            licence,
            path,
        })
    }
}

/// A repository at one commit, and its small files.
struct Repository<'a> {
    name: &'a str,
    snapshot: &'a Snapshot<'a>,
}

impl Repository<'_> {
    /// A file that need not be there: what cannot be asked for is taken as missing.
    fn find(&self, file: &FileName) -> Result<Option<Found>> {
        match self.snapshot.find(file) {
            Err(hub::Error::Offline { .. }) => Ok(None),
            found => Ok(found?),
        }
    }

    fn text(&self, file: &str, watch: Watch<'_>) -> Result<Option<String>> {
        let Some(found) = self.find(&FileName::new(file)?)? else { return Ok(None) };
        let path = self.snapshot.fetch(&found, watch)?;
        let text = fs::read_to_string(&path).map_err(|source| Error::File { path, source: source.into() })?;
        Ok(Some(text))
    }

    fn json(&self, file: &str, watch: Watch<'_>) -> Result<Option<Map<String, Value>>> {
        let (repository, file_name) = (self.name.to_owned(), file.to_owned());
        let wrong = |source| Error::Json { repository, file: file_name, source };
        self.text(file, watch)?.map(|text| serde_json::from_str(&text)).transpose().map_err(wrong)
    }

    fn network(&self, asked: Option<&FileName>, model_type: &str) -> Result<Found> {
        let looked_for = match asked {
            Some(file) => {
                choice::check_name(file.as_str())?;
                vec![file.as_str()]
            }
            None => choice::candidates(model_type),
        };
        let mut unasked = None;
        for file in &looked_for {
            match self.snapshot.find(&FileName::new(file)?) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error @ hub::Error::Offline { .. }) => unasked = unasked.or(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(error) = unasked {
            return Err(error.into());
        }
        let looked_for = looked_for.iter().map(|file| format!("`{file}`")).collect();
        Err(Error::NoNetwork { repository: self.name.to_owned(), looked_for })
    }
}

/// What is to be fetched, and what is made of it.
#[derive(Debug)]
pub struct Plan<'a> {
    endpoint: &'a str,
    repository: String,
    snapshot: Snapshot<'a>,
    model_type: String,
    network: Found,
    weights: Option<Found>,
    recipe: Recipe,
    licence: Option<String>,
    path: PathBuf,
}

impl Plan<'_> {
    /// Bytes that must be fetched; `None` if the hub does not tell.
    pub fn bytes(&self) -> Option<u64> {
        let missing = self.files().filter(|found| found.cached().is_none());
        missing.map(Found::size).sum()
    }

    /// Whether all of it is in the cache.
    pub fn is_cached(&self) -> bool {
        self.files().all(|found| found.cached().is_some())
    }

    fn files(&self) -> impl Iterator<Item = &Found> {
        std::iter::once(&self.network).chain(&self.weights)
    }

    /// The file with the network.
    pub fn file(&self) -> &str {
        self.network.file().as_str()
    }

    /// `org/name@commit`, which names the same files for ever.
    pub fn name(&self) -> String {
        format!("{}@{}", self.repository, self.snapshot.commit())
    }

    /// The licence that the authors state.
    pub fn licence(&self) -> Option<&str> {
        self.licence.as_deref()
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        self.endpoint
    }

    /// How images are prepared.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Why the hub was not heard, if the commit is only the one that the cache knows.
    pub fn doubt(&self) -> Option<&hub::Error> {
        self.snapshot.doubt()
    }

    /// Where the backbone will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bring the files into the cache.
    ///
    /// # Errors
    /// Those of the hub.
    pub fn fetch(&self, watch: Watch<'_>) -> Result<()> {
        for found in self.files() {
            self.snapshot.fetch(found, watch)?;
        }
        Ok(())
    }

    /// Make the backbone of what was fetched: the cut is proven on photographs before the file has its name.
    ///
    /// # Errors
    /// If the network is quantised, or cannot be cut to features.
    pub fn make(&self, runtime: &Runtime) -> Result<Cut> {
        let path = self.snapshot.fetch(&self.network, &mut |_| std::ops::ControlFlow::Continue(()))?;
        let broken = |source: onnx::Error| Error::File { path: path.clone(), source: source.into() };
        let model = onnx::read_bytes(&path).and_then(|bytes| onnx::decode(&path, bytes)).map_err(broken)?;
        choice::check_model(self.file(), &model)?;
        let output = model.graph.as_ref().map(|graph| choice::output(&self.model_type, graph));
        drop(model);
        let options = CutOptions {
            feature_tensor: output.and_then(|output| output.tensor).map(str::to_owned),
            pool: output.and_then(|output| output.pool),
            recipe: Some(self.recipe.clone()),
            name: Some(self.name()),
            source: Some(format!("{}/{} ({})", self.endpoint, self.name(), self.file())),
            licence: self.licence.clone(),
            ..CutOptions::default()
        };
        let cannot = |source| Error::Cut {
            repository: self.repository.clone(),
            file: self.file().to_owned(),
            source: Box::new(source),
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .map_err(|source| Error::File { path: folder.into(), source: source.into() })?;
        cut::cut(runtime, &path, &self.path, &CutOptions { overwrite: true, ..options }).map_err(cannot)
    }
}

/// What the card of a model says in its first lines, which are YAML between two lines of hyphens: `license: apache-2.0`.
fn licence(card: &str) -> Option<String> {
    let head = card.strip_prefix("---")?.split("\n---").next()?;
    let value = head.lines().find_map(|line| line.strip_prefix("license:"))?.trim().trim_matches(['"', '\'']);
    let is_name = !value.is_empty() && value.len() <= 60 && value.chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::licence;

    #[test]
    fn the_licence_stands_in_the_head_of_the_card() {
        assert_eq!(
            licence("---\ntags: [a]\nlicense: apache-2.0\n---\n# A\nlicense: x").as_deref(),
            Some("apache-2.0")
        );
        assert_eq!(licence("---\nlicense: \"mit\"\n---").as_deref(), Some("mit"));
        for card in ["# A\nlicense: mit", "---\ntags: a\n---\nlicense: mit", "---\nlicense:\n- mit\n---", ""]
        {
            assert_eq!(licence(card), None, "{card}");
        }
    }
}
