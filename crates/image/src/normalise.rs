//! From bytes to the numbers of the tensor.

use super::recipe::{Channels, Layout, Recipe};

/// What each byte becomes, in each channel of the tensor, as a table: exact and fast, for there are only 256 bytes.
#[derive(Debug, Clone)]
pub(super) struct Table {
    values: [[f32; 256]; 3],
    /// Which of red, green, blue each channel of the tensor is.
    colours: [usize; 3],
    layout: Layout,
}

impl Recipe {
    /// What each byte becomes, for each channel of the tensor in turn: three times 256 numbers.
    pub fn numbers(&self) -> impl Iterator<Item = impl Iterator<Item = f32>> {
        (0..3).map(move |channel| (0..256).map(move |byte| self.number(channel, byte)))
    }

    fn number(&self, channel: usize, byte: usize) -> f32 {
        let (divisor, mean, std) = (self.divisor, self.mean[channel], self.std[channel]);
        // In f32 and in this order, as the references compute it.
        (byte as f32 / divisor as f32 - mean as f32) / std as f32
    }
}

impl Table {
    pub(super) fn new(recipe: &Recipe) -> Self {
        Self {
            values: std::array::from_fn(|channel| std::array::from_fn(|byte| recipe.number(channel, byte))),
            colours: match recipe.channels {
                Channels::Rgb => [0, 1, 2],
                Channels::Bgr => [2, 1, 0],
            },
            layout: recipe.layout,
        }
    }

    /// Fill `out` from RGB `pixels`.
    ///
    /// # Panics
    /// If the two are not of the same length.
    pub(super) fn fill(&self, pixels: &[u8], out: &mut [f32]) {
        assert_eq!(pixels.len(), out.len(), "one number for each byte");
        let (pixels, _) = pixels.as_chunks::<3>();
        let [a, b, c] = self.colours;
        let [first, second, third] = &self.values;
        match self.layout {
            Layout::Nhwc => {
                let (out, _) = out.as_chunks_mut::<3>();
                for (to, pixel) in out.iter_mut().zip(pixels) {
                    *to = [first[pixel[a] as usize], second[pixel[b] as usize], third[pixel[c] as usize]];
                }
            }
            Layout::Nchw => {
                let planes = out.chunks_exact_mut(pixels.len().max(1));
                for ((plane, table), colour) in planes.zip(&self.values).zip(self.colours) {
                    for (to, pixel) in plane.iter_mut().zip(pixels) {
                        *to = table[pixel[colour] as usize];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels whose six bytes all differ.
    const PIXELS: [u8; 6] = [10, 20, 30, 40, 50, 60];

    fn fill(recipe: Recipe) -> Vec<f32> {
        let mut out = vec![0.0; 6];
        Table::new(&recipe).fill(&PIXELS, &mut out);
        out
    }

    fn plain(channels: Channels, layout: Layout) -> Recipe {
        Recipe { mean: [0.0; 3], channels, layout, ..Recipe::preset("keras-resnet50").unwrap() }
    }

    #[test]
    fn every_order_of_channels_and_axes() {
        assert_eq!(fill(plain(Channels::Rgb, Layout::Nhwc)), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(fill(plain(Channels::Bgr, Layout::Nhwc)), [30.0, 20.0, 10.0, 60.0, 50.0, 40.0]);
        assert_eq!(fill(plain(Channels::Rgb, Layout::Nchw)), [10.0, 40.0, 20.0, 50.0, 30.0, 60.0]);
        assert_eq!(fill(plain(Channels::Bgr, Layout::Nchw)), [30.0, 60.0, 20.0, 50.0, 10.0, 40.0]);
    }

    #[test]
    fn means_and_deviations_follow_the_order_of_the_channels() {
        let recipe = Recipe {
            divisor: 10.0,
            mean: [1.0, 0.0, -1.0],
            std: [1.0, 2.0, 4.0],
            ..plain(Channels::Bgr, Layout::Nhwc)
        };
        // Blue 30: (3 - 1) / 1; green 20: 2 / 2; red 10: (1 + 1) / 4.
        assert_eq!(fill(recipe), [2.0, 1.0, 0.5, 5.0, 2.5, 1.25]);
    }
}
