"""Names and shapes of the tensors in the PANNs' published ResNet-54, written down by hand."""

# The PANNs' ResNet-54: place, input channels, inner channels, output channels, index of the
# shortcut's convolution (its batch norm is the next one; index 0 is the pooling of strided blocks).
BOTTLENECKS = """
    layer1.0   64  64  256 0
    layer1.1  256  64  256 -
    layer1.2  256  64  256 -
    layer2.0  256 128  512 1
    layer2.1  512 128  512 -
    layer2.2  512 128  512 -
    layer2.3  512 128  512 -
    layer3.0  512 256 1024 1
    layer3.1 1024 256 1024 -
    layer3.2 1024 256 1024 -
    layer3.3 1024 256 1024 -
    layer3.4 1024 256 1024 -
    layer3.5 1024 256 1024 -
    layer4.0 1024 512 2048 1
    layer4.1 2048 512 2048 -
    layer4.2 2048 512 2048 -
"""
BOTTLENECKS = [line.split() for line in BOTTLENECKS.strip().splitlines()]
MEL_BANDS = 64
CLASSES = 527


def batch_norm(name, channels):
    vectors = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{v}": (channels,) for v in vectors} | {f"{name}.num_batches_tracked": ()}


def published_shapes(divisor=1, classes=CLASSES):
    """Name to shape of every tensor but the front end's."""
    stem, last = 64 // divisor, 2048 // divisor
    shapes = batch_norm("bn0", MEL_BANDS)
    for name, size_in, size in (("conv_block1", 1, stem), ("conv_block_after1", last, last)):
        shapes[f"{name}.conv1.weight"] = (size, size_in, 3, 3)
        shapes[f"{name}.conv2.weight"] = (size, size, 3, 3)
        shapes |= batch_norm(f"{name}.bn1", size) | batch_norm(f"{name}.bn2", size)
    for place, *sizes, shortcut in BOTTLENECKS:
        size_in, inner, out = (int(size) // divisor for size in sizes)
        name = f"resnet.{place}"
        shapes[f"{name}.conv1.weight"] = (inner, size_in, 1, 1)
        shapes[f"{name}.conv2.weight"] = (inner, inner, 3, 3)
        shapes[f"{name}.conv3.weight"] = (out, inner, 1, 1)
        for i, size in enumerate((inner, inner, out), start=1):
            shapes |= batch_norm(f"{name}.bn{i}", size)
        if shortcut != "-":
            shapes[f"{name}.downsample.{shortcut}.weight"] = (out, size_in, 1, 1)
            shapes |= batch_norm(f"{name}.downsample.{int(shortcut) + 1}", out)
    shapes |= {"fc1.weight": (last, last), "fc1.bias": (last,)}
    return shapes | {"fc_audioset.weight": (classes, last), "fc_audioset.bias": (classes,)}
