//! Trainings in Keras, followed step by step.

mod five_images;
mod trajectory;
