//! Which of a file's items are decoded, and how they are put together.

use super::boxes::{Reader, name};
use super::container::Container;
use super::fault::{Result, damaged, unsupported};
use super::property::{Crop, Nclx, Property};

/// What decodes the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Av1,
    Hevc,
}

/// How tiles make a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub columns: usize,
    pub rows: usize,
}

/// An image of a file: one coded item, or a grid of them.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub codec: Codec,
    /// Pixels across and down.
    pub size: (usize, usize),
    /// The coded items, row by row; one if there is no grid.
    pub tiles: Vec<u32>,
    pub grid: Option<Grid>,
    /// What the file says of colours, which goes over what the coded data say.
    pub nclx: Option<Nclx>,
}

/// A step from the coded picture to what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Crop(Crop),
    /// Quarter turns, against the clock.
    Turn(u8),
    Mirror {
        left_right: bool,
    },
}

/// What a file shows.
#[derive(Debug)]
pub(super) struct Shown {
    pub image: Image,
    /// Opacity, in an image of its own.
    pub alpha: Option<Image>,
    /// Whether colours are multiplied by it already.
    pub premultiplied: bool,
    /// In this order.
    pub steps: Vec<Step>,
}

/// What an auxiliary image of opacity is called; the second name is that of the first HEIF.
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

impl Shown {
    /// The primary image of a file.
    pub(super) fn of(container: &Container<'_>) -> Result<Self> {
        let primary = container.primary()?;
        let image = Image::of(container, primary)?;
        let steps = container.properties(primary)?.into_iter().filter_map(|property| match *property {
            Property::Crop(crop) => Some(Step::Crop(crop)),
            Property::Turn(quarters) => Some(Step::Turn(quarters)),
            Property::Mirror { left_right } => Some(Step::Mirror { left_right }),
            _ => None,
        });
        let steps = steps.collect();
        let own = alpha_of(container, primary);
        let alpha = match own {
            Some(alpha) => Some(Image::of(container, alpha)?),
            None => alpha_of_tiles(container, &image)?,
        };
        let premultiplied = own.is_some_and(|alpha| container.from(primary, b"prem").contains(&alpha));
        Ok(Self { image, alpha, premultiplied, steps })
    }
}

/// The item with an image's opacity.
fn alpha_of(container: &Container<'_>, image: u32) -> Option<u32> {
    let is_alpha = |id: &u32| {
        let properties = container.properties(*id).unwrap_or_default();
        properties
            .iter()
            .any(|property| matches!(property, Property::Auxiliary(kind) if ALPHA.contains(&&kind[..])))
    };
    container.to(image, b"auxl").find(is_alpha)
}

/// Opacity that each tile has of its own.
fn alpha_of_tiles(container: &Container<'_>, image: &Image) -> Result<Option<Image>> {
    let each = image.tiles.iter().map(|&tile| alpha_of(container, tile));
    let Some(tiles) = each.collect::<Option<Vec<_>>>().filter(|_| image.grid.is_some()) else {
        return Ok(None);
    };
    let nclx = nclx_of(container, &tiles)?;
    Ok(Some(Image { tiles, nclx, ..image.clone() }))
}

impl Image {
    pub(super) fn of(container: &Container<'_>, id: u32) -> Result<Self> {
        let (tiles, grid, announced) = match &container.item(id)?.kind {
            b"grid" => {
                let (grid, size) = Grid::read(&container.data(id)?)?;
                let tiles = container.from(id, b"dimg").to_vec();
                if tiles.len() != grid.rows * grid.columns {
                    return damaged(format!(
                        "a grid of {}x{} has {} tiles",
                        grid.columns,
                        grid.rows,
                        tiles.len()
                    ));
                }
                (tiles, Some(grid), size)
            }
            _ => (vec![id], None, size_of(container, id)?),
        };
        if announced.0 == 0 || announced.1 == 0 {
            return damaged("an image has no pixels");
        }
        let codec = codec_of(container, tiles[0])?;
        for &tile in &tiles[1..] {
            if codec_of(container, tile)? != codec {
                return unsupported("a grid of tiles that are coded in different ways");
            }
        }
        let nclx = match nclx_of(container, &[id])? {
            None => nclx_of(container, &tiles)?,
            found => found,
        };
        Ok(Self { codec, size: announced, tiles, grid, nclx })
    }

    /// The size of each tile; of the image where there is no grid.
    pub(super) fn tile_size(&self, container: &Container<'_>) -> Result<(usize, usize)> {
        let Some(grid) = self.grid else { return Ok(self.size) };
        let tile = size_of(container, self.tiles[0])?;
        let all = (tile.0.saturating_mul(grid.columns), tile.1.saturating_mul(grid.rows));
        if all.0 < self.size.0 || all.1 < self.size.1 {
            return damaged("the tiles do not cover the image");
        }
        Ok(tile)
    }
}

impl Grid {
    /// How many tiles, and the size of the image that they make.
    fn read(data: &[u8]) -> Result<(Self, (usize, usize))> {
        let mut reader = Reader::new(data);
        reader.u8()?;
        let wide = reader.u8()? & 1 == 1;
        let (rows, columns) = (usize::from(reader.u8()?) + 1, usize::from(reader.u8()?) + 1);
        let size = (reader.either(wide)? as usize, reader.either(wide)? as usize);
        Ok((Self { columns, rows }, size))
    }
}

fn codec_of(container: &Container<'_>, id: u32) -> Result<Codec> {
    match &container.item(id)?.kind {
        b"av01" => Ok(Codec::Av1),
        b"hvc1" | b"hev1" => Ok(Codec::Hevc),
        kind => {
            let called = match kind {
                b"avc1" => "H.264",
                b"vvc1" | b"vvi1" => "H.266",
                b"jpeg" => "JPEG",
                b"j2k1" => "JPEG 2000",
                b"unci" => "samples that are not compressed",
                b"iovl" => "images laid over one another",
                b"iden" | b"grid" | b"tmap" => "an image that is derived from another",
                _ => "a way that is not known here",
            };
            unsupported(format!("{called} inside (`{}`)", name(*kind)))
        }
    }
}

fn size_of(container: &Container<'_>, id: u32) -> Result<(usize, usize)> {
    let properties = container.properties(id)?;
    let size = properties.iter().find_map(|property| match **property {
        Property::Size { width, height } => Some((width as usize, height as usize)),
        _ => None,
    });
    match size {
        Some(size) => Ok(size),
        None => damaged("an image does not say its size"),
    }
}

/// What is said of the colours of the first of these items that says anything.
fn nclx_of(container: &Container<'_>, ids: &[u32]) -> Result<Option<Nclx>> {
    let Some(&first) = ids.first() else { return Ok(None) };
    let properties = container.properties(first)?;
    let found = properties.iter().find_map(|property| match **property {
        Property::Nclx(nclx) => Some(nclx),
        _ => None,
    });
    Ok(found)
}

/// The quality that is meant in an item's AV1 stream; the first is the best.
pub(super) fn operating_point(container: &Container<'_>, id: u32) -> Result<u8> {
    let properties = container.properties(id)?;
    let found = properties.iter().find_map(|property| match **property {
        Property::OperatingPoint(point) => Some(point),
        _ => None,
    });
    Ok(found.unwrap_or(0))
}

/// What an item's HEVC decoder is to know.
pub(super) fn hevc_config<'c>(container: &'c Container<'_>, id: u32) -> Result<&'c [u8]> {
    let properties = container.properties(id)?;
    let found = properties.into_iter().find_map(|property| match property {
        Property::HevcConfig(config) => Some(config.as_slice()),
        _ => None,
    });
    match found {
        Some(config) => Ok(config),
        None => damaged("an image in HEVC has no `hvcC`"),
    }
}
