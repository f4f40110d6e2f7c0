//! Features of a manifest's images.

use std::path::{Path, PathBuf};

use headstart_image::ViewKinds;

use super::calibrator::{CalibrationOptions, Calibrator};
use super::tip::TipWatch;
use super::{Error, FeatureSource, Project};
use crate::dataset::Manifest;
use crate::extract::{Extractor, FeatureCache, FillOptions, Summary};
use crate::input::files as image_files;
use crate::{Control, Event, ImageInput};

/// What is computed, and how.
#[derive(Debug, Clone, Default)]
pub struct ExtractSettings {
    /// The views of each image beside the plain one.
    pub views: ViewKinds,
    /// What the cache is filled with.
    pub fill: FillOptions,
    /// How an int8 graph is made, and a precision chosen, where that is needed.
    pub calibration: CalibrationOptions,
}

/// Files, and the views of them that are needed beside the plain one.
pub(super) type Wanted = (Vec<PathBuf>, ViewKinds);

impl Project {
    /// Compute the features of those images of `manifest` that the cache lacks.
    ///
    /// # Errors
    /// As [`prepare_features`](Self::prepare_features) and [`FeatureSource::fill`].
    pub fn extract(
        &self,
        manifest: &Manifest,
        settings: &ExtractSettings,
        control: &mut Control<'_>,
    ) -> Result<Summary, Error> {
        self.extract_images(&manifest.images(), settings, control)
    }

    /// Compute the features of those images that the cache lacks: files, bytes and pixels alike. An int8 graph is made of files
    /// alone.
    ///
    /// # Errors
    /// As [`extract`](Self::extract).
    pub fn extract_images(
        &self,
        images: &[ImageInput],
        settings: &ExtractSettings,
        control: &mut Control<'_>,
    ) -> Result<Summary, Error> {
        let files = || images.iter().filter_map(ImageInput::path).map(Path::to_path_buf).collect();
        let source = self.prepare_features(&files, settings.calibration, control)?;
        let mut cache = source.create_cache()?;
        source.fill(&mut cache, &settings.views, images, settings.fill, control)
    }

    /// As [`features`](Self::features); what has to be measured or made first is made of some of these files.
    ///
    /// # Errors
    /// As [`features`](Self::features); [`Error::Cancelled`], [`Error::Quantize`].
    pub fn prepare_features(
        &self,
        files: &dyn Fn() -> Vec<PathBuf>,
        calibration: CalibrationOptions,
        control: &mut Control<'_>,
    ) -> Result<FeatureSource, Error> {
        FeatureSource::open(self.config(), Some(&self.calibrator(files, calibration)), control)
    }

    /// What names the features of these files, and the cache, if there is one; with what is missing computed first if that is asked
    /// for.
    ///
    /// # Errors
    /// As [`features`](Self::features), or [`prepare_features`](Self::prepare_features) and [`FeatureSource::fill`];
    /// [`Error::Cancelled`].
    pub fn features_for(
        &self,
        files: &dyn Fn() -> Vec<PathBuf>,
        views: &ViewKinds,
        compute: bool,
        control: &mut Control<'_>,
    ) -> Result<(Option<FeatureCache>, FeatureSource), Error> {
        let calibrator = self.calibrator(files, CalibrationOptions::default());
        let source = FeatureSource::open(self.config(), compute.then_some(&calibrator), control)?;
        let cache = source.open_or_fill(files, views, compute, control)?;
        Ok((cache, source))
    }

    pub(super) fn calibrator<'a>(
        &'a self,
        files: &'a dyn Fn() -> Vec<PathBuf>,
        options: CalibrationOptions,
    ) -> Calibrator<'a> {
        Calibrator { files, config: self.config(), options }
    }
}

impl FeatureSource {
    /// Compute what the cache lacks.
    ///
    /// # Errors
    /// As [`Extractor::fill`].
    pub fn fill(
        &self,
        cache: &mut FeatureCache,
        views: &ViewKinds,
        images: &[ImageInput],
        options: FillOptions,
        control: &mut Control<'_>,
    ) -> Result<Summary, Error> {
        if let Some(guess) = self.backbone.guess() {
            control.note(format_args!("recipe guessed, {guess}"));
        }
        for doubt in self.backbone.doubts() {
            control.warn(doubt);
        }
        control.detail(format_args!("recipe: {}", self.backbone.recipe()));
        let extractor = Extractor::new(&self.backbone, self.extract_options());
        let mut watch = TipWatch::of(self);
        let token = control.token().clone();
        let mut listener = |event: Event<'_>| {
            let tip = match (&mut watch, &event) {
                (Some(watch), Event::Extract(event)) => watch.see(event),
                _ => None,
            };
            control.tell(event);
            if let Some(tip) = tip {
                control.tell(Event::Tip(tip));
            }
        };
        let mut control = Control::new(token, &mut listener);
        Ok(extractor.fill(cache, self.views(views), images, options, &mut control)?)
    }

    /// The cache, if there is one; with the features of these files computed first if that is asked for.
    pub(super) fn cache_with(
        &self,
        wanted: impl FnOnce() -> Vec<Wanted>,
        compute: bool,
        control: &mut Control<'_>,
    ) -> Result<Option<FeatureCache>, Error> {
        if !compute {
            return self.open_cache();
        }
        let mut cache = self.create_cache()?;
        for (files, views) in wanted() {
            let images = image_files(files);
            if self.fill(&mut cache, &views, &images, FillOptions::default(), control)?.cancelled {
                return Err(Error::Cancelled);
            }
        }
        Ok(Some(cache))
    }

    /// The cache, if there is one; with the features of these files in these views computed first if that is asked for.
    pub(super) fn open_or_fill(
        &self,
        files: &dyn Fn() -> Vec<PathBuf>,
        views: &ViewKinds,
        compute: bool,
        control: &mut Control<'_>,
    ) -> Result<Option<FeatureCache>, Error> {
        self.cache_with(|| vec![(files(), views.clone())], compute, control)
    }
}
