"""Random buckets: files on levels, as lists for the Java oracle and as our own file metas."""

from __future__ import annotations

import random
from typing import Any

from tablestore.format.manifest import EMPTY_STATS, DataFileMeta
from tablestore.lsm.levels import Keys

Case = dict[str, Any]

NAME, SIZE, LEVEL, LOW, HIGH, FIRST, LAST, MADE, DELETES, ROWS, EXPIRED = range(11)
KEYS: Keys[DataFileMeta] = Keys(lambda file: file.min_key, lambda file: file.max_key)
MADE_MS = 1_700_000_000_000


def meta(file: list[Any]) -> DataFileMeta:
    """Our file meta of a file; its keys compare as bytes."""
    low, high = (file[k].to_bytes(4, "big") for k in (LOW, HIGH))
    return DataFileMeta(
        file_name=file[NAME],
        file_size=file[SIZE],
        row_count=file[ROWS],
        min_key=low,
        max_key=high,
        key_stats=EMPTY_STATS,
        value_stats=EMPTY_STATS,
        min_sequence_number=file[FIRST],
        max_sequence_number=file[LAST],
        schema_id=0,
        level=file[LEVEL],
        creation_time_ms=file[MADE],
        delete_row_count=file[DELETES],
    )


def metas(files: list[list[Any]]) -> list[DataFileMeta]:
    return [meta(file) for file in files]


class Layouts:
    """Buckets from a seed."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)

    def file(self, number: int, level: int, low: int, high: int, top_size: int) -> list[Any]:
        r = self.r
        first = r.randrange(20)
        return [
            f"data-{number:03}.parquet",
            r.randrange(1, top_size),
            level,
            low,
            high,
            first,
            first + r.randrange(12),
            MADE_MS + r.randrange(3),
            r.choice([None, 0, 0, 0, 3]),
            r.randrange(1, 100),
            r.random() < 0.1,
        ]

    def disjoint(self, number: int, level: int, count: int, top_size: int) -> list[list[Any]]:
        r = self.r
        keys = sorted(r.sample(range(1, 400), 2 * count))
        narrow = r.random() < 0.5  # or else nearly all files overlap
        spans = zip(keys[::2], keys[1::2], strict=True)
        return [
            self.file(number + i, level, low, min(high, low + 9) if narrow else high, top_size)
            for i, (low, high) in enumerate(spans)
        ]

    def bucket(self, num_levels: int) -> list[list[Any]]:
        """Files of a bucket in any order."""
        r = self.r
        files: list[list[Any]] = []
        small = r.choice([4, 40, 400, 1 << 30])
        for _ in range(r.choice([0, 1, 1, 2, 3, 4, 5, 6, 9, 14])):
            files += self.disjoint(len(files), 0, 1, small)
        top = num_levels + r.choice([0, 0, 0, 0, 1])
        for level in range(1, top):
            if r.random() < 0.45:
                scale = small * r.choice([1, 1, 2, 5, 50])
                files += self.disjoint(len(files), level, r.choice([1, 1, 2, 4]), scale)
        r.shuffle(files)
        return files

    def options(self) -> Case:
        """Options of a primary-key table, as the Java oracle reads them."""
        r = self.r
        trigger = r.choice([1, 2, 3, 5, 5, 5, 8])
        lookup = r.random() < 0.4
        force = lookup or r.random() < 0.3
        early = r.random() < 0.35
        return {
            "num_levels": r.choice([2, 3, 4, trigger + 1, trigger + 1]),
            "trigger": trigger,
            "stop": trigger + r.choice([0, 1, 3]),
            "amplification": r.choice([10, 100, 200, 200, 1000, 100_000]),
            "ratio": r.choice([0, 1, 1, 10, 50]),
            # a window over the whole day, or none: Java looks at the clock itself
            "off_peak": r.choice([[-1, -1, 40], [0, 24, 40], [7, 7, 40]]),
            "interval": r.choice([None, 7_200_000]) if early else None,
            "below": r.choice([None, 30, 3000]) if early else None,
            "above": r.choice([None, 30, 3000]) if early else None,
            "force": force,
            "force_interval": r.choice([None, 1, 2, trigger * 2]) if lookup else None,
            "lookup": lookup,
            "vectors": lookup and r.random() < 0.6,
            "newest_wins": r.random() < 0.5,
            "rewrite_all": r.random() < 0.1,
            "small": r.choice([1, 2, 20, 200, 1 << 29]),
            "formats": r.choice(["", "", "0:avro", "0:avro,2:orc"]),
        }

    def trigger(self) -> Case:
        """A bucket, its options, and what its picker remembers."""
        r, options = self.r, self.options()
        files = self.bucket(options["num_levels"])
        return {
            "files": files,
            "options": options,
            # an hour off either way, so that the time the test takes does not matter
            "age_ms": r.choice([None, 3_600_000, 10_800_000]),
            "waited": r.randrange(3),
            "full": r.random() < 0.4,
            "deleted": [file[NAME] for file in files if r.random() < 0.3],
        }

    def overlapping(self) -> list[list[Any]]:
        """Files of any ranges, some equal."""
        r = self.r
        width = r.choice([3, 20, 100])
        lows = [r.randrange(1, 120) for _ in range(r.randrange(1, 20))]
        return [self.file(i, 0, low, low + r.randrange(width), 9) for i, low in enumerate(lows)]

    def append_options(self) -> Case:
        r = self.r
        target, ratio = r.choice([20, 100, 1000]), r.choice([0.5, 0.7, 1.0])
        return {
            "target": target,
            "small": int(target * ratio),
            "small_ratio": ratio,
            "min_files": r.choice([2, 3, 5]),
            "open_cost": r.choice([0, 4, 40]),
            "delete_ratio": r.choice([0.0, 0.2, 0.5]),
            "vectors": r.random() < 0.5,
            "rewrite_all": r.random() < 0.15,
        }

    def queue(self) -> Case:
        """A bucket of an append table: files in write order, each begins where the last ends."""
        r, options = self.r, self.append_options()
        count = r.choice([0, 1, 2, 3, 5, 8, 15])
        files = [self.file(i, 0, 1, 1, 2 * options["target"]) for i in range(count)]
        for i, file in enumerate(files):
            file[FIRST], file[LAST] = i * 10, i * 10 + 9
            if r.random() < 0.5:
                file[SIZE] = 1 + file[SIZE] // 8
        deleted = [file[NAME] for file in files if r.random() < 0.3]
        return {"files": files, "options": options, "deleted": deleted}

    def rounds(self) -> Case:
        """A partition without buckets: what each round brings, then rounds that bring nothing."""
        r, options = self.r, self.append_options()
        total = r.choice([0, 1, 2, 4, 8, 20])
        # no two files or groups of files of one size: their order is chance in Java
        sizes = r.sample([1 << k for k in range(total)], total)
        scale = 3 * options["target"] // (1 << max(total - 1, 0)) or 1
        files = [self.file(i, 0, 1, 1, 2) for i in range(total)]
        for file, size in zip(files, sizes, strict=True):
            file[SIZE] = size * scale
        cut = r.randrange(total + 1)
        gone = {
            file[NAME]: [f"index-{r.randrange(3)}", r.choice([None, 0, 1, 10, 60])]
            for file in files
            if r.random() < 0.4
        }
        return {
            "rounds": [files[:cut], files[cut:], *[[]] * r.choice([0, 3, 7, 12])],
            "options": options,
            "deleted": gone,
        }
