"""Random options of tables with any merge engine, and the row kinds that such a table takes.

Origin: `histories.py` of the Java oracle in the project's reference material, with sequence fields
of partial-update, several fields a sequence group, removals and distinct aggregates added. Sums and
products get small values: overflows are refused at a moment that depends on compactions.
"""

from __future__ import annotations

from random import Random

from tests.support.oracle_values import base

ENGINES = ("deduplicate", "partial-update", "aggregation", "first-row")
ORDERED = ("INT", "BIGINT", "SMALLINT", "DATE", "TIMESTAMP", "DECIMAL")
WHOLE = ("INT", "BIGINT", "SMALLINT", "TINYINT", "DECIMAL")
FLOATS = ("FLOAT", "DOUBLE")
COMPARED = (*WHOLE, *FLOATS, "DATE", "TIMESTAMP", "STRING", "VARCHAR")
ANY = ["last_value", "last_non_null_value", "first_value", "first_non_null_value"]
RETRACTS = ("sum", "last_value", "last_non_null_value", "collect", "merge_map")
WRITES = ["+I"] * 4 + ["+U"] * 3


def engine_options(r: Random, vals, options: dict[str, str]) -> list[str]:
    """Draws the options of a merge engine into `options`; the row kinds to write.

    `vals`: the (name, type JSON) pairs of columns that are of no key.
    """
    engine = r.choice(["deduplicate"] * 4 + ["partial-update"] * 4 + ["aggregation"] * 4 + ["first-row"] * 2)  # noqa: E501 # fmt: skip
    options.pop("ignore-delete", None)
    if engine != "deduplicate":
        options["merge-engine"] = engine
    ordered = [c for c, t in vals if isinstance(t, str) and base(t)[0] in ORDERED]
    if engine == "first-row":
        options["ignore-delete"] = "true"
        return [*WRITES, "-D"]
    if engine == "deduplicate":
        if ordered and r.random() < 0.85:
            _sequence_field(r, ordered, options)
        if "sequence.field" not in options or r.random() < 0.1:
            options["ignore-delete"] = "true"
        if r.random() < 0.15:
            options["ignore-update-before"] = "true"
        return [*WRITES, "-D", "-D", "-U"]
    if engine == "aggregation":
        return _aggregation(r, vals, ordered, options)
    return _partial_update(r, vals, ordered, options)


def _sequence_field(r: Random, ordered, options) -> None:
    options["sequence.field"] = ",".join(r.sample(ordered, min(len(ordered), r.choice([1, 1, 2]))))
    if r.random() < 0.3:
        options["sequence.field.sort-order"] = "descending"


def _aggregation(r: Random, vals, ordered, options) -> list[str]:
    if ordered and r.random() < 0.35:
        _sequence_field(r, ordered, options)
    remove, retract = r.random() < 0.15, r.random() < 0.4
    left_out = options.get("sequence.field", "").split(",")
    _functions(r, vals, left_out, options, retract=retract and not remove)
    if remove:
        options["aggregation.remove-record-on-delete"] = "true"
        return [*WRITES, "-D"]
    return [*WRITES, "-D", "-U"] if retract else WRITES


def _partial_update(r: Random, vals, ordered, options) -> list[str]:
    x = r.random()
    if x < 0.45 and ordered and len(vals) > 1:
        return _sequence_group(r, vals, ordered, options)
    if x < 0.65:
        options["ignore-delete"] = "true"
        return [*WRITES, "-D"]
    if x < 0.8:
        options["partial-update.remove-record-on-delete"] = "true"
        return [*WRITES, "-D"]
    if ordered and x < 0.9:
        _sequence_field(r, ordered, options)
    return WRITES


def _sequence_group(r: Random, vals, ordered, options) -> list[str]:
    by = r.sample(ordered, min(len(ordered), len(vals) - 1, r.choice([1, 1, 2])))
    rest = [c for c, _ in vals if c not in by]
    group = r.sample(rest, r.randrange(1, len(rest) + 1))
    options[f"fields.{','.join(by)}.sequence-group"] = ",".join(group)
    if r.random() < 0.5:
        aggregated = [(c, t) for c, t in vals if c in group]
        _functions(r, aggregated, (), options, retract=True)
    elif r.random() < 0.3:
        options["partial-update.remove-record-on-sequence-group"] = by[0]
    return [*WRITES, "-D", "-U"]


def _functions(r: Random, vals, left_out, options, *, retract: bool) -> None:
    for c, t in vals:
        if c in left_out:
            continue
        can = _functions_of(t)
        if retract:
            can = [f for f in can if f in RETRACTS]
        function = r.choice(can)
        options[f"fields.{c}.aggregate-function"] = function
        if function == "collect" and r.random() < 0.5:
            options[f"fields.{c}.distinct"] = "true"
        if retract and r.random() < 0.3:
            options[f"fields.{c}.ignore-retract"] = "true"


def _functions_of(t) -> list[str]:
    n = base(t)[0]
    can = list(ANY)
    if n in WHOLE:
        can += ["sum", "sum", "product"]
    if n in FLOATS:
        can += ["sum", "sum"]
    if n in COMPARED:
        can += ["max", "min"]
    if n == "BOOLEAN":
        can += ["bool_and", "bool_or"] * 2
    if n == "STRING":
        can += ["listagg"] * 2
    if n == "ARRAY" and t["element"] == "INT":
        can += ["collect"] * 4
    if n == "MAP":
        can += ["merge_map"] * 4
    return can


def table_options(r: Random, options: dict[str, str]) -> None:
    """Draws file formats, buckets and deletion vectors into the options of a primary-key table."""
    options["bucket"] = r.choice(["1", "1", "1", "2", "3", "5", "8"])
    if r.random() < 0.5:  # else most compactions of small tables take everything
        options["compaction.max-size-amplification-percent"] = "1000000"
        options["compaction.size-ratio"] = "-100"
        options["num-sorted-run.compaction-trigger"] = r.choice(["2", "2", "3"])
    options["file.format"] = r.choice(["parquet"] * 4 + ["orc"] * 3 + ["avro"] * 3)
    if r.random() < 0.15:
        top = options.get("num-sorted-run.compaction-trigger", "5")
        options["file.format.per.level"] = r.choice(["0:avro", f"{top}:orc", f"0:orc,{top}:avro"])
    if "file.compression" in options:  # which every format has
        options["file.compression"] = r.choice(["zstd", "snappy"])
    if r.random() < 0.15:
        options["data-file.thin-mode"] = "true"
    if r.random() < 0.25 and options.get("merge-engine") != "first-row":
        options["deletion-vectors.enabled"] = "true"
        options["write-only"] = "false"
        if r.random() < 0.4:
            options["deletion-vectors.bitmap64"] = "true"


def engine_of(options: dict[str, str]) -> str:
    """The merge engine of a table."""
    return options.get("merge-engine", "deduplicate")


def looked_up(options: dict[str, str]) -> bool:
    """Whether Java looks keys up in local files while it compacts the table."""
    return "deletion-vectors.enabled" in options or engine_of(options) == "first-row"


def depends_on_compactions(options: dict[str, str], kinds: list[str]) -> bool:
    """Whether rows may depend on which runs were merged when, in Java too: a retraction, a deletion
    or a late row meets something else once its neighbours are one row."""
    deletes = "-D" in kinds and "ignore-delete" not in options
    if engine_of(options) in ("aggregation", "partial-update") and "sequence.field" in options:
        return True
    groups = any("sequence-group" in key for key in options)
    if groups and any("aggregate-function" in key for key in options):
        return True
    return deletes and ("sequence.field" in options or engine_of(options) != "deduplicate")


def in_columns(options: dict[str, str]) -> set[str]:
    """Words of options that may be columns: these must keep name and type."""
    fields = {k: v for k, v in options.items() if k.startswith("fields.") or "sequence" in k}
    return {c for k, v in fields.items() for c in (*k.replace(",", ".").split("."), *v.split(","))}


def small_values(r: Random, cols, options: dict[str, str]) -> dict[str, list]:
    """Values of columns that are added up or multiplied; sums of floats are exact in any order."""
    pools = {}
    for c, t in cols:
        function = options.get(f"fields.{c}.aggregate-function")
        if function in ("sum", "product"):
            pools[c] = _small(t, ones=function == "product")
    return pools


def _small(t, *, ones: bool) -> list:
    n, a = base(t)
    numbers = [0, 1, -1, 1, None] if ones else [0, 1, -1, 2, -2, 5, None]
    if n in FLOATS:
        return [0.0, 1.5, -2.25, 1024.0, -0.5, "NaN", "Infinity", None]
    if n == "DECIMAL":
        return [x if x is None else f"{x}.{'0' * a[1]}" if a[1] else str(x) for x in numbers]
    return numbers
