//! The messages against the schema of the `onnx` Python package, field by field.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::*;

const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/import_schema.csv")); // by make_import_schema.py

/// Decode and encode again, and say in which field of the struct the bytes arrived.
fn round_trip<M: Message + Default + Debug>(bytes: &[u8]) -> (Vec<u8>, String) {
    let message = M::decode(Bytes::copy_from_slice(bytes)).expect("the schema's own bytes decode");
    let empty = format!("{:#?}", M::default());
    let filled = format!("{message:#?}");
    let field = empty
        .lines()
        .zip(filled.lines())
        .find(|(before, after)| before != after)
        .and_then(|(_, after)| after.trim().split_once(':'))
        .map(|(name, _)| name.trim_start_matches("r#").to_owned())
        .unwrap_or_default();
    (message.encode_to_vec(), field)
}

fn by_name(message: &str, bytes: &[u8]) -> (Vec<u8>, String) {
    macro_rules! dispatch {
        ($($name:literal => $type:ty,)*) => {
            match message {
                $($name => round_trip::<$type>(bytes),)*
                other => panic!("`{other}` is in the schema but not here"),
            }
        };
    }
    dispatch! {
        "AttributeProto" => Attribute,
        "ValueInfoProto" => ValueInfo,
        "NodeProto" => Node,
        "IntIntListEntryProto" => IntIntListEntry,
        "NodeDeviceConfigurationProto" => NodeDeviceConfiguration,
        "ShardingSpecProto" => ShardingSpec,
        "ShardedDimProto" => ShardedDim,
        "SimpleShardedDimProto" => SimpleShardedDim,
        "TrainingInfoProto" => TrainingInfo,
        "ModelProto" => Model,
        "DeviceConfigurationProto" => DeviceConfiguration,
        "StringStringEntryProto" => StringStringEntry,
        "TensorAnnotation" => TensorAnnotation,
        "GraphProto" => Graph,
        "TensorProto" => Tensor,
        "TensorProto.Segment" => Segment,
        "SparseTensorProto" => SparseTensor,
        "TensorShapeProto" => TensorShape,
        "TensorShapeProto.Dimension" => Dimension,
        "TypeProto" => Type,
        "TypeProto.Tensor" => TensorType,
        "TypeProto.Sequence" => SequenceType,
        "TypeProto.Map" => MapType,
        "TypeProto.Optional" => OptionalType,
        "TypeProto.SparseTensor" => SparseTensorType,
        "TypeProto.Opaque" => OpaqueType,
        "OperatorSetIdProto" => OperatorSetId,
        "FunctionProto" => Function,
    }
}

#[test]
fn every_field_of_the_schema_survives_under_its_own_name() {
    let mut rows = 0;
    for line in SCHEMA.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [message, field, number, _type, oneof, hex] = cells[..] else { panic!("golden row: {line}") };
        let (back, found) = by_name(message, &unhex(hex));
        // A field of another number, type or packing would be dropped or written differently.
        assert_eq!(back, unhex(hex), "`{message}.{field}` (number {number})");
        let expected = match (field, oneof) {
            (_, oneof) if !oneof.is_empty() => oneof,
            ("type", _) => "kind",
            (field, _) => field,
        };
        assert_eq!(found, expected, "`{message}.{field}` (number {number}) arrived elsewhere");
        rows += 1;
    }
    assert_eq!(rows, 134, "golden file was cut short");
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| char::from(c).to_digit(16).expect("golden file holds hexadecimal digits") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[test]
fn absent_and_empty_stay_different() {
    let absent = Model::default();
    let empty = Model { doc_string: Some(String::new()), ..Model::default() };
    assert_eq!(absent.encode_to_vec(), b"");
    assert_eq!(empty.encode_to_vec(), b"\x32\x00");
    assert_eq!(Model::decode(&b"\x32\x00"[..]).unwrap(), empty);
}

fn names() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-zé/]{0,6}")
}

prop_compose! {
    fn tensors()(
        name in names(),
        dims in proptest::collection::vec(any::<i64>(), 0..4),
        data_type in proptest::option::of(any::<i32>()),
        raw in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        float_data in proptest::collection::vec(-1e30f32..1e30, 0..4),
        int64_data in proptest::collection::vec(any::<i64>(), 0..4),
    ) -> Tensor {
        Tensor { name, dims, data_type, raw_data: raw.map(Bytes::from), float_data, int64_data, ..Tensor::default() }
    }
}

prop_compose! {
    fn attributes()(
        name in names(),
        i in proptest::option::of(any::<i64>()),
        s in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)),
        t in proptest::option::of(tensors()),
        ints in proptest::collection::vec(any::<i64>(), 0..5),
        kind in proptest::option::of(0..15),
    ) -> Attribute {
        Attribute { name, i, s: s.map(Bytes::from), t: t.map(Box::new), ints, kind, ..Attribute::default() }
    }
}

prop_compose! {
    fn graphs()(
        nodes in proptest::collection::vec((names(), proptest::collection::vec(attributes(), 0..3)), 0..4),
        initializer in proptest::collection::vec(tensors(), 0..3),
        name in names(),
    ) -> Graph {
        let node = nodes.into_iter().map(|(op_type, attribute)| Node { op_type, attribute, ..Node::default() });
        Graph { node: node.collect(), initializer, name, ..Graph::default() }
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(graph in graphs(), inner in graphs(), ir_version in any::<i64>()) {
        let body = Attribute { g: Some(Box::new(inner)), ..Attribute::default() };
        let mut graph = graph;
        graph.node.push(Node { attribute: vec![body], ..Node::default() });
        let model = Model { ir_version: Some(ir_version), graph: Some(graph), ..Model::default() };
        let bytes = model.encode_to_vec();
        prop_assert_eq!(Model::decode(Bytes::from(bytes)).unwrap(), model);
    }
}
