#!/usr/bin/env python3
"""Golden tensors: what each toolkit's own transform makes of an image, `torch.csv` and `tensorflow.csv`.

    python make_references.py torch            # needs torchvision, timm, transformers, pillow
    python make_references.py tensorflow       # needs tensorflow, keras, pillow

Made with torchvision 0.29.2, timm 1.0.31, transformers 5.23.0, tensorflow 2.21.0, keras 3.15.1 and Pillow 13.0.0. The images
are the lossless pieces in `../preprocess`, and a piece of each with edges one less, so that odd and even margins both occur. A
line holds the image, what is cut off its right and lower edges, the recipe, and every 499th value of the tensor.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")
HERE = Path(__file__).resolve().parent
PIECES = ["cat", "officer", "photographer"]


def torch_recipes():
    """As the libraries hand them out with their weights, on PIL images."""
    import timm
    import torchvision
    from timm.data import create_transform, resolve_data_config
    from torchvision import transforms
    from transformers import ConvNextImageProcessorPil

    def timm_transform(name, test_size=False):
        config = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict(), use_test_size=test_size)
        return create_transform(**config)

    # What convert_resnet_to_pytorch.py wrote into the preprocessor_config.json of microsoft/resnet-50.
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    hugging_face = ConvNextImageProcessorPil(size={"shortest_edge": 224}, crop_pct=0.875, resample=3, image_mean=mean, image_std=std)
    # many_shot_eval.py of linusericsson/ssl-transfer.
    steps = [transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    ssl = transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(mean, std)])
    weights = torchvision.models.ResNet50_Weights
    return {
        "torchvision-v1": weights.IMAGENET1K_V1.transforms(),
        "torchvision-v2": weights.IMAGENET1K_V2.transforms(),
        "timm-a1": timm_transform("resnet50.a1_in1k"),
        "timm-a1-288": timm_transform("resnet50.a1_in1k", test_size=True),
        "timm-tv": timm_transform("resnet50.tv_in1k"),
        "hf-resnet50": lambda image: hugging_face(image, return_tensors="np")["pixel_values"][0],
        "ssl-transfer": ssl,
    }


def tensorflow_recipes():
    import keras
    import tensorflow as tf
    from keras.applications import mobilenet, resnet50, resnet_v2, vgg16

    def loaded(preprocess, interpolation):
        def run(image):
            path = HERE / "scratch.png"
            image.save(path)
            pixels = keras.utils.load_img(path, target_size=(224, 224), interpolation=interpolation)
            path.unlink()
            return preprocess(keras.utils.img_to_array(pixels)[None])[0]

        return run

    def mlnet(image):
        # AddJpegDecoding of ImageClassificationTrainer.cs, behind the JPEG decoder.
        scaled = tf.image.convert_image_dtype(np.asarray(image), tf.float32)[None]
        return tf.compat.v1.image.resize_bilinear(scaled, (299, 299), False)[0]

    for other in (vgg16, mobilenet):
        same = resnet50 if other is vgg16 else resnet_v2
        pixels = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
        assert (other.preprocess_input(pixels.copy()) == same.preprocess_input(pixels.copy())).all()
    return {
        "keras-resnet50": loaded(resnet50.preprocess_input, "bilinear"),
        "keras-resnet50-nearest": loaded(resnet50.preprocess_input, "nearest"),
        "keras-tf": loaded(resnet_v2.preprocess_input, "bilinear"),
        "mlnet-resnet-v2": mlnet,
        # Not a preset: the filter of tf.image.resize, with Keras' normalisation.
        "bilinear-tf2": lambda image: resnet50.preprocess_input(tf.image.resize(np.asarray(image)[None], (224, 224)).numpy())[0],
    }


def main(which):
    recipes = {"torch": torch_recipes, "tensorflow": tensorflow_recipes}[which]()
    lines = [f"# made by make_references.py {which}", "# image, cut off, recipe, then every 499th value"]
    for piece in PIECES:
        whole = Image.open(HERE.parent / "preprocess" / f"{piece}.png").convert("RGB")
        for less in (0, 1):
            image = whole.crop((0, 0, whole.width - less, whole.height - less))
            for name, prepare in recipes.items():
                values = np.asarray(prepare(image), dtype=np.float32).ravel()[::499]
                lines.append(",".join([piece, str(less), name, *(str(value) for value in values)]))
    (HERE / f"{which}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
