"""What the real Java classes make of a batch of random cases: rows, buckets, deletion vectors, file
indexes, manifests.

Runs in the process of `oracle_worker.py`. A call takes many cases, since each call crosses two
processes; bytes cross as hex or, where they are long, as base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jpype

from tests.support.oracle_java import Paimon

BUCKETS = 128
INTEGERS = {"INT", "BIGINT"}


def plain_bytes(array: Any) -> bytes:
    """A Java array of primitives as bytes, in this machine's order."""
    return memoryview(array).tobytes() if len(array) else b""


def java_bytes(text: str) -> Any:
    """The byte[] that base64 stands for."""
    return jpype.java.util.Base64.getDecoder().decode(text)


def as_text(array: Any) -> str:
    return base64.b64encode(plain_bytes(array)).decode()


def lambda_of(interface: str, owner: Any, name: str, returns: Any, *takes: Any) -> Any:
    """A method of a Java object as a Java lambda: a stream then calls it without this process."""
    invoke = jpype.java.lang.invoke
    kind = invoke.MethodType.methodType(returns, jpype.JArray(jpype.java.lang.Class)(list(takes)))
    method = invoke.MethodHandles.publicLookup().findVirtual(owner.getClass(), name, kind)
    wanted = jpype.JClass(interface)
    return invoke.MethodHandleProxies.asInterfaceInstance(wanted, method.bindTo(owner))


# Rows and buckets


def row_type(p: Paimon, types: list[Any]) -> Any:
    fields = jpype.java.util.ArrayList()
    for i, t in enumerate(types):
        fields.add(p.P.types.DataField(i, f"c{i}", p.java_type(t)))
    return p.P.types.RowType(fields)


def rows(p: Paimon, name: str, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """BinaryRow bytes, hashes and buckets of the rows of each case.

    A case: `types`, `rows`, `key` (positions of the bucket key) and `functions`.
    """
    return [_rows(p, **case) for case in cases]


def _rows(p: Paimon, types, rows, key, functions) -> dict[str, Any]:
    kind = row_type(p, types)
    serializer = p.P.data.serializer.InternalRowSerializer(kind)
    extractors = {f: _extractor(p, kind, key, f) for f in functions}
    found: dict[str, Any] = {"bytes": [], "hashes": [], "buckets": {f: [] for f in functions}}
    numbers = jpype.java.util.stream.IntStream
    for values in rows:
        row = p.V.row(values, types)
        binary = serializer.toBinaryRow(row)
        found["bytes"].append(
            plain_bytes(p.P.utils.SerializationUtils.serializeBinaryRow(binary)).hex()
        )
        found["hashes"].append(int(binary.hashCode()))
        for function, (extractor, bucket) in extractors.items():
            extractor.setRecord(row)
            every = numbers.rangeClosed(1, BUCKETS).map(bucket).toArray()
            if int(every[BUCKETS - 1]) != int(extractor.bucket()):
                raise AssertionError("the extractor's own bucket is another one")
            found["buckets"][function].append(as_text(every))
    return found


def _extractor(p: Paimon, kind: Any, key: list[int], function: str) -> tuple[Any, Any]:
    """The extractor of a table with this bucket key, and its bucket(int) as an IntUnaryOperator."""
    options = {"bucket": str(BUCKETS), "bucket-key": ",".join(f"c{i}" for i in key)}
    options["bucket-function.type"] = function
    empty = jpype.java.util.ArrayList()
    schema = p.P.schema.TableSchema(
        0, kind.getFields(), 10_000, empty, empty, jpype.java.util.HashMap(options), ""
    )
    extractor = p.P.table.sink.FixedBucketRowKeyExtractor(schema)
    integer = jpype.java.lang.Integer.TYPE
    bucket = lambda_of("java.util.function.IntUnaryOperator", extractor, "bucket", integer, integer)
    return extractor, bucket


# Deletion vectors


def vectors(p: Paimon, name: str, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Java's own index file of the same positions, and the positions that Java reads from ours.

    A file: `bitmap64`, `vectors` ({data file: base64 of int64}), and of our file in the table's
    index folder `file` and `ranges`.
    """
    index = p.table(name).store().newIndexFileHandler().dvIndex(p.P.data.BinaryRow.EMPTY_ROW, 0)
    return [_vectors(p, index, **each) for each in files]


def _vectors(p: Paimon, index: Any, bitmap64, vectors, file, ranges) -> dict[str, Any]:
    made = jpype.java.util.LinkedHashMap()
    for data_file, packed in vectors.items():
        made.put(data_file, _vector(p, java_bytes(packed), bitmap64=bitmap64))
    meta = index.writeSingleFile(made)
    own = [
        [str(r.dataFileName()), int(r.offset()), int(r.length()), int(r.cardinality())]
        for r in meta.dvRanges().values()
    ]
    read = index.readAllDeletionVectors(_index_file(p, file, ranges))
    return {"file": str(meta.fileName()), "ranges": own, "read": _positions(read)}


def _vector(p: Paimon, packed: Any, *, bitmap64: bool) -> Any:
    kinds = p.P.deletionvectors
    vector = kinds.Bitmap64DeletionVector() if bitmap64 else kinds.BitmapDeletionVector()
    long = jpype.java.lang.Long.TYPE
    void = jpype.java.lang.Void.TYPE
    delete = lambda_of("java.util.function.LongConsumer", vector, "delete", void, long)
    values = jpype.java.nio.ByteBuffer.wrap(packed)
    longs = values.order(jpype.java.nio.ByteOrder.LITTLE_ENDIAN).asLongBuffer()
    array = jpype.JArray(jpype.JLong)(len(packed) // 8)
    longs.get(array)
    jpype.java.util.stream.LongStream.of(array).forEach(delete)
    return vector


def _index_file(p: Paimon, file: str, ranges: list[list[Any]]) -> Any:
    places = jpype.java.util.LinkedHashMap()
    for data_file, offset, length, count in ranges:
        boxed = jpype.java.lang.Long(count)
        places.put(data_file, p.P.index.DeletionVectorMeta(data_file, offset, length, boxed))
    no_path = jpype.JObject(None, jpype.java.lang.String)
    return p.P.index.IndexFileMeta("DELETION_VECTORS", file, 0, len(ranges), places, no_path)


def _positions(read: Any) -> dict[str, str]:
    found = {}
    for entry in read.entrySet():
        several = jpype.java.util.stream.LongStream.builder()
        entry.getValue().forEachDeletedPosition(several)
        found[str(entry.getKey())] = as_text(several.build().toArray())
    return found


# File indexes


def indexes(p: Paimon, name: str, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Java's container of each case and what Java answers by it, by ours, and by the rows.

    A case: `type`, `values`, `kind`, `options`, `ours` (base64 of our container or None), and
    `filters`: (operation, literals). An answer is None (no statement), False (no row), True, or the
    rows as a list.
    """
    return [_indexes(p, **case) for case in cases]


def _indexes(p: Paimon, type, values, kind, options, ours, filters):
    column = row_type(p, [type])
    chosen = p.P.options.Options()
    for key, value in options.items():
        chosen.set(key, value)
    writer = p.P.fileindex.FileIndexer.create(kind, column.getTypeAt(0), chosen).createWriter()
    java_values = [p.V.to_java(v, type) for v in values]
    for value in java_values:
        writer.writeRecord(value)
    data = container(p, {"c0": {kind: writer.serializedBytes()}})
    builder = p.P.predicate.PredicateBuilder(column)
    asked = [p.predicate(builder, [type], 0, op, literals) for op, literals in filters]
    table = [p.P.data.GenericRow.of(jpype.JArray(jpype.java.lang.Object)([v])) for v in java_values]
    answer = {
        "java": as_text(data),
        "rows": [[i for i, r in enumerate(table) if a.test(r)] for a in asked],
        "by_java": [_answer(p, data, column, a) for a in asked],
    }
    if ours is not None:
        own = java_bytes(ours)
        answer["by_ours"] = [_answer(p, own, column, a) for a in asked]
    return answer


def _answer(p: Paimon, data: Any, column: Any, asked: Any) -> Any:
    found = p.P.fileindex.FileIndexPredicate(data, column).evaluate(asked)
    if isinstance(found, p.P.fileindex.bitmap.BitmapIndexResult):
        return [int(i) for i in found.get().iterator()]
    return None if bool(found.remain()) else False


def container(p: Paimon, several: dict[str, dict[str, Any]]) -> Any:
    made = jpype.java.util.LinkedHashMap()
    for column, kinds in several.items():
        inner = jpype.java.util.LinkedHashMap()
        for kind, data in kinds.items():
            inner.put(kind, data)
        made.put(column, inner)
    out = jpype.java.io.ByteArrayOutputStream()
    writer = p.P.fileindex.FileIndexFormat.createWriter(out)
    writer.writeColumnIndexes(made)
    writer.close()
    return out.toByteArray()


def containers(p: Paimon, name: str, several: list[Any]) -> list[str]:
    """The container of the given bodies ({column: {kind: base64 or None}}), as Java writes it."""
    made = []
    for each in several:
        bodies = {
            column: {
                kind: None if body is None else java_bytes(body) for kind, body in kinds.items()
            }
            for column, kinds in each.items()
        }
        made.append(as_text(container(p, bodies)))
    return made


# Manifests, manifest lists, index manifests


def _objects_file(p: Paimon, name: str, page: str) -> tuple[Any, Any]:
    """The file class of a page and the serializer of its entries."""
    store = p.table(name).store()
    if page == "manifest":
        return store.manifestFileFactory().create(), p.P.manifest.ManifestEntrySerializer()
    if page == "manifest-list":
        return store.manifestListFactory().create(), p.P.manifest.ManifestFileMetaSerializer()
    return (
        store.indexManifestFileFactory().create(),
        p.P.manifest.IndexManifestEntrySerializer(),
    )


def columns(p: Paimon, page: str) -> list[Any]:
    """The types of a page's entries, the version before them."""
    pages = p.P.manifest
    entry = {
        "manifest": pages.ManifestEntry,
        "manifest-list": pages.ManifestFileMeta,
        "index-manifest": pages.IndexManifestEntry,
    }[page]
    return ["INT NOT NULL", *(_type_json(f.type()) for f in entry.SCHEMA.getFields())]


def _type_json(kind: Any) -> Any:
    """A type as the JSON of schema files."""
    root = str(kind.getTypeRoot())
    tail = "" if bool(kind.isNullable()) else " NOT NULL"
    if root == "ROW":
        fields = [
            {"id": int(f.id()), "name": str(f.name()), "type": _type_json(f.type())}
            for f in kind.getFields()
        ]
        return {"type": "ROW" + tail, "fields": fields}
    if root == "ARRAY":
        return {"type": "ARRAY" + tail, "element": _type_json(kind.getElementType())}
    return str(kind.asSQLString())


def page_types(p: Paimon, name: str, page: str) -> list[Any]:
    return columns(p, page)


def write_pages(p: Paimon, name: str, page: str, pages: list[Any]) -> list[Any]:
    """Name of the file that Java writes for each list of entries (rows of JSON values), and of a
    manifest its line in a manifest list."""
    file, serializer = _objects_file(p, name, page)
    types = columns(p, page)
    getters = [p.V.getter(t) for t in columns(p, "manifest-list")]
    made = []
    for entries in pages:
        objects = jpype.java.util.ArrayList()
        for values in entries:
            objects.add(serializer.fromRow(p.V.row(values, types)))
        if page == "manifest":
            (meta,) = list(file.write(objects))
            line = p.P.manifest.ManifestFileMetaSerializer().toRow(meta)
            made.append([str(meta.fileName()), p.V.row_json(line, getters)])
        elif page == "manifest-list":
            made.append([str(file.write(objects).getLeft()), None])
        else:
            made.append([str(file.writeWithoutRolling(objects)), None])
    return made


def read_pages(p: Paimon, name: str, page: str, files: list[str]) -> list[Any]:
    """The entries of files in the manifest folder, as rows of JSON values; those of a manifest in
    any order, since Java's cache groups them by partition and bucket."""
    file, serializer = _objects_file(p, name, page)
    getters = [p.V.getter(t) for t in columns(p, page)]
    return [
        [p.V.row_json(serializer.toRow(entry), getters) for entry in file.read(each)]
        for each in files
    ]


OPERATIONS: dict[str, Callable[..., Any]] = {
    "rows": rows,
    "vectors": vectors,
    "indexes": indexes,
    "containers": containers,
    "page_types": page_types,
    "write_pages": write_pages,
    "read_pages": read_pages,
}
