"""Record files as TensorFlow writes them, made by Google's protobuf library."""

import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELDS = {
    "BytesList": [("value", 1, "TYPE_BYTES", "repeated", "")],
    "FloatList": [("value", 1, "TYPE_FLOAT", "repeated", "")],
    "Int64List": [("value", 1, "TYPE_INT64", "repeated", "")],
    "Feature": [
        ("bytes_list", 1, "TYPE_MESSAGE", "optional", "BytesList"),
        ("float_list", 2, "TYPE_MESSAGE", "optional", "FloatList"),
        ("int64_list", 3, "TYPE_MESSAGE", "optional", "Int64List"),
    ],
    # A map is a repeated message of key and value.
    "FeaturesEntry": [
        ("key", 1, "TYPE_STRING", "optional", ""),
        ("value", 2, "TYPE_MESSAGE", "optional", "Feature"),
    ],
    "Features": [("feature", 1, "TYPE_MESSAGE", "repeated", "FeaturesEntry")],
    "FeatureList": [("feature", 1, "TYPE_MESSAGE", "repeated", "Feature")],
    "FeatureListsEntry": [
        ("key", 1, "TYPE_STRING", "optional", ""),
        ("value", 2, "TYPE_MESSAGE", "optional", "FeatureList"),
    ],
    "FeatureLists": [("feature_list", 1, "TYPE_MESSAGE", "repeated", "FeatureListsEntry")],
    "SequenceExample": [
        ("context", 1, "TYPE_MESSAGE", "optional", "Features"),
        ("feature_lists", 2, "TYPE_MESSAGE", "optional", "FeatureLists"),
    ],
}


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            message.field.add(
                name=field,
                number=number,
                type=descriptor_pb2.FieldDescriptorProto.Type.Value(kind),
                label=3 if label == "repeated" else 1,
                type_name=f".t.{type_name}" if type_name else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))
        for name in _FIELDS
    }


_MESSAGES = _messages()


def feature(values):
    kinds = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
    made = _MESSAGES["Feature"]()
    if values:
        getattr(made, kinds[type(values[0])]).value.extend(values)
    return made


def sequence_example(context, sequences):
    """Serialised; `context`: values by name; `sequences`: by name, values of each step."""
    example = _MESSAGES["SequenceExample"]()
    for name, values in context.items():
        example.context.feature.add(key=name, value=feature(values))
    for name, steps in sequences.items():
        entry = example.feature_lists.feature_list.add(key=name)
        for values in steps:
            entry.value.feature.append(feature(values))
    return example.SerializeToString()


def framed(records):
    """A record file: lengths and data, each with its masked CRC-32C."""
    parts = []
    for data in records:
        length = struct.pack("<Q", len(data))
        parts += [length, struct.pack("<I", masked(length)), data, struct.pack("<I", masked(data))]
    return b"".join(parts)


def masked(data):
    crc = crc32c_bit_by_bit(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def crc32c_bit_by_bit(data):
    """By polynomial division (RFC 3720, appendix B.4), most significant bit first."""
    remainder = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            top = (remainder >> 31) ^ (byte >> bit & 1)
            remainder = (remainder << 1) % 2**32 ^ (0x1EDC6F41 if top else 0)
    return int(f"{remainder ^ 0xFFFFFFFF:032b}"[::-1], 2)
