"""Every Paimon table option by name: the table that ``spec.py`` reads.

One row an option: ``key | type | default | flags | meaning``. Types: bool, int, long, float,
double, str, size (bytes), dur (milliseconds), map (``k:v,k:v``), stats, ``enum a/b``. An empty
default means unset. Flags::

    Y  honoured
    N  accepted; has no effect on what tablestore writes or reads
    C  refused when a table is created with it (unless it is the default)
    R  like C, and an existing table that sets it cannot be read
    W  like C, and an existing table that sets it cannot be written
    K  means something on primary-key tables only
    I  fixed once the table has a snapshot

Source: ``org.apache.paimon.CoreOptions`` and, at the end, ``FlinkConnectorOptions``.
"""

from __future__ import annotations

from typing import Final

OPTIONS: Final = """
# Identity & layout
type | enum table/format-table/materialized-table/object-table | table | RWI | table kind
primary-key | str |  | YI | PK columns given as option (not together with DDL PK)
primary-key.nullable | bool | false | RWI | allow nulls in PK, compared null-safe
partition | str |  | YI | partition columns given as option
bucket | int | -1 | Y | -1 dynamic/unaware, -2 postpone, >0 fixed
bucket-key | str |  | YI | columns hashed for bucketing
bucket-function.type | enum default/mod/hive | default | YI | default hash / mod / hive
bucket-append-ordered | bool | true | N | keep order inside append buckets
branch | str | main | RW | branch this table handle works on
path | str |  | C | table location (internal)
auto-create | bool | false | N | create storage on first use
merge-engine | enum deduplicate/partial-update/aggregation/first-row | deduplicate | YKI | merging
sequence.field | str |  | YK | user ordering columns
sequence.field.sort-order | enum ascending/descending | ascending | Y | direction for them
sequence.snapshot-ordering | bool | false | RWKI | order by commit snapshot id instead
rowkind.field | str |  | YI | column holding the row kind
ignore-delete | bool | false | Y | drop -D and -U on write
ignore-update-before | bool | false | Y | drop -U on write
fields.default-aggregate-function | str |  | Y | fallback aggregator
aggregation.remove-record-on-delete | bool | false | YI | -D removes row in aggregation engine
partial-update.remove-record-on-delete | bool | false | YI | -D removes row in partial-update
partial-update.remove-record-on-sequence-group | str |  | YI | -D of these groups removes row
data-file.path-directory | str |  | YI | subdirectory for data files
data-file.prefix | str | data- | Y | data file name prefix
data-file.external-paths | str |  | C | extra storage roots for new files
data-file.external-paths.strategy | str | none | W | how an external path is chosen
data-file.external-paths.specific-fs | str |  | C | scheme filter for specific-fs strategy
data-file.external-paths.weights | str |  | C | weights for weighted choice
data-file.thin-mode | bool | false | Y | do not store key columns twice in PK files
partition.default-name | str | __DEFAULT_PARTITION__ | Y | directory name for a null partition value
partition.legacy-name | bool | true | Y | old toString formatting of partition values in paths
index-file-in-data-file-dir | bool | false | NI | put index files beside data files

# File format & stats
file.format | enum parquet/orc/avro/row/csv/json | parquet | W | data file format
file.format.per.level | map |  | W | format override per level
file.compression | enum zstd/snappy/gzip/lz4/lz4_raw/brotli/none/uncompressed | zstd | Y | codec
file.compression.per.level | map |  | Y | codec override per level
file.compression.zstd-level | int | 1 | Y | zstd level
file.block-size | size |  | N | stripe or row group size
file.suffix.include.compression | bool | false | C | codec in file name
changelog-file.prefix | str | changelog- | N | changelog name prefix
changelog-file.format | str |  | N | changelog format override
changelog-file.compression | str |  | N | changelog codec override
changelog-file.stats-mode | stats |  | N | statistics of changelog files
metadata.stats-mode | stats | truncate(16) | Y | none, counts, truncate(n) or full column statistics
metadata.stats-mode.per.level | map |  | Y | override per level
metadata.stats-dense-store | bool | true | Y | store stats only for columns having them
metadata.stats-keep-first-n-columns | int | -1 | Y | limit stats to leading columns
file-index.in-manifest-threshold | size | 500 B | Y | embed index in manifest below this size
file-index.read.enabled | bool | true | Y | use file indexes when scanning
parquet.enable.dictionary | str |  | N | dictionary encoding switch
read.batch-size | int | 1024 | N | rows per read batch
write.batch-size | int | 1024 | N | rows per write batch
write.batch-memory | size | 128 mb | N | bytes per write batch
file-reader-async-threshold | size | 10 MB | N | async read above this size
async-file-write | bool | true | N | async IO while writing

# Manifest & commit
manifest.compression | enum zstd/snappy/deflate/none | zstd | N | codec (zstd is written)
manifest.target-file-size | size | 8 MB | Y | rolled manifest size
manifest.merge-min-count | int | 30 | Y | small manifests needed to merge
manifest.full-compaction-threshold-size | size | 16 MB | Y | delta size forcing a full rewrite
manifest.merge-optimize.enabled | bool | true | N | block aware merger switch
manifest-sort.enabled | bool | false | N | sort entries while merging
manifest-sort.partition-field | str |  | N | sort column
manifest-sort.max-rewrite-size | size | 256 MB | N | cap per sorted rewrite
manifest.delete-file-drop-stats | bool | false | N | no stats in DELETE entries
commit.user-prefix | str |  | Y | prefix of generated commit user
commit.max-retries | int | 10 | Y | retry count on snapshot conflict
commit.timeout | dur |  | Y | total retry time
commit.min-retry-wait | dur | 10 ms | Y | first backoff
commit.max-retry-wait | dur | 10 s | Y | backoff cap
commit.force-compact | bool | false | C | wait for compaction before commit
commit.force-create-snapshot | bool | false | C | empty commits create snapshots
snapshot.ignore-empty-commit | bool |  | C | skip snapshots for empty commits
commit.discard-duplicate-files | bool | false | N | drop already committed ADDs
commit.strict-mode.last-safe-snapshot | long |  | W | abort on foreign commits since this id
commit.callbacks | str |  | C | callback classes
visibility-callback.enabled | bool | false | C | wait until data is readable
visibility-callback.timeout | dur | 30 min | N | max wait
visibility-callback.check-interval | dur | 10 s | N | poll interval

# Write
write-only | bool | false | Y | no compaction/expiry in this writer
write-buffer-size | size | 256 mb | Y | memory for sort buffers
write-buffer-spillable | bool | true | Y | a full buffer goes to local files (in TMPDIR) first
write-buffer-spill.max-disk-size | size |  | Y | bytes of those files; then rows go to level 0
write-buffer-for-append | bool | false | N | buffer append rows
write-max-writers-to-spill | int | 10 | N | append/postpone writer count before spilling mode
write.sequence-number-init-mode | str | scan | W | scan files or read snapshot property
local-sort.max-num-file-handles | int | 128 | Y | local files merged at a time (at most 64)
page-size | size | 64 kb | N | memory page
cache-page-size | size | 64 kb | N | cache page
spill-compression | enum zstd/lz4/lzo/none | zstd | Y | spill codec
spill-compression.zstd-level | int | 1 | Y | spill zstd level
sort-engine | enum loser-tree/min-heap | loser-tree | N | how spilled runs are merged
sort-spill-threshold | int |  | N | spill runs beyond this reader count
sort-spill-buffer-size | size | 64 mb | N | buffer for that
target-file-size | size |  | Y | rolling size (128 MB PK / 256 MB append)
target-file-row-num | long |  | Y | rolling row count on write
local-merge-buffer-size | size |  | YK | rows are merged in a buffer before they are numbered
overwrite-upgrade | bool | true | N | place disjoint overwrite files at top level
dynamic-partition-overwrite | bool | true | Y | overwrite only touched partitions
partition.sink-strategy | str | none | N | shuffle by partition before write
delete.force-produce-changelog | bool | false | N | DELETE goes through write path
dynamic-bucket.target-row-num | long | 2000000 | N | rows per dynamic bucket
dynamic-bucket.initial-buckets | int |  | NI | initial assigners' buckets
dynamic-bucket.max-buckets | int | -1 | N | cap
dynamic-bucket.assigner-parallelism | int |  | N | assigner parallelism
cross-partition-upsert.index-ttl | dur |  | N | TTL of key index
cross-partition-upsert.bootstrap-parallelism | int | 10 | N | bootstrap threads
record-level.expire-time | dur |  | YK | a compaction leaves rows out so long after their time
record-level.time-field | str |  | YK | column with a row's time
partition.timestamp-format.strict | bool | false | N | reject unparsable partition values

# Compaction
num-sorted-run.compaction-trigger | int | 5 | N | runs that trigger compaction
num-sorted-run.stop-trigger | int |  | N | runs that block writes (trigger+3)
num-levels | int |  | N | level count (trigger+1)
compaction.max-size-amplification-percent | int | 200 | N | size amplification limit
compaction.size-ratio | int | 1 | N | ratio flexibility %
compaction.force-up-level-0 | bool | false | N | always include L0
compaction.optimization-interval | dur |  | N | periodic full compaction
compaction.total-size-threshold | size |  | N | full compaction while small
compaction.incremental-size-threshold | size |  | N | full compaction after this increment
compaction.offpeak.start.hour | int | -1 | N | off-peak start
compaction.offpeak.end.hour | int | -1 | N | off-peak end
compaction.offpeak-ratio | int | 0 | N | extra ratio off-peak
compaction.small-file-ratio | double | 0.7 | Y | fraction of target below which files are rewritten
compaction.min.file-num | int | 5 | Y | append files per compaction
compaction.file-num-limit | int | 100000 | N | append scan cap
compaction.delete-ratio-threshold | double | 0.2 | Y | DV ratio forcing rewrite
compaction.force-rewrite-all-files | bool | false | Y | full compaction rewrites everything
compaction.skip-expired-partitions | bool | false | N | ignore expired partitions
full-compaction.delta-commits | int |  | N | full compaction every N commits
force-lookup | bool | false | YI | always use lookup compaction
lookup-wait | bool | true | N | commit waits for lookup compaction
lookup-compact | enum radical/gentle | radical | Y | radical or gentle L0 compaction
lookup-compact.max-interval | int |  | Y | forced L0 interval in gentle mode
lookup.cache-rows | long | 10000 | N | lookup join cache rows
lookup.cache-file-retention | dur | 1 h | N | local lookup file TTL
lookup.cache-max-disk-size | size |  | N | local disk cap
lookup.cache-spill-compression | str | zstd | N | lookup store codec
lookup.cache-max-memory-size | size | 256 mb | N | block cache memory
lookup.cache.high-priority-pool-ratio | double | 0.25 | N | index/filter share
lookup.cache.bloom.filter.enabled | bool | true | N | bloom in lookup files
lookup.cache.bloom.filter.fpp | double | 0.05 | N | its fpp
lookup.hash-load-factor | float | 0.75 | N | legacy hash store
lookup.merge-buffer-size | size | 8 MB | N | per-key merge buffer
lookup.merge-records-threshold | int | 1024 | N | records before binary buffer
lookup.remote-file.enabled | bool | false | N | persist lookup files remotely
lookup.remote-file.level-threshold | int |  | N | min level for that
lookup.continuous.discovery-interval | dur |  | N | lookup join refresh
lookup.blob-as-descriptor | bool | false | N | lookup join keeps blob descriptors

# Deletion vectors
deletion-vectors.enabled | bool | false | Y | MOW mode
deletion-vectors.modifiable | bool | false | N | allow toggling
deletion-vectors.merge-on-read | bool | false | Y | show L0 in batch reads
deletion-vectors.bitmap64 | bool | false | Y | 64-bit DV format
deletion-vector.index-file.target-size | size | 2 MB | Y | DV file size

# Changelog & streaming read
changelog-producer | enum none/input/lookup/full-compaction | none | WK | source of changes
changelog-producer.row-deduplicate | bool | false | N | suppress no-op updates
changelog-producer.row-deduplicate-ignore-fields | str |  | N | columns ignored in that test
table-read.sequence-number.enabled | bool | false | C | sequence column in audit_log/binlog
key-value.sequence_number.enabled | bool | false | C | internal companion
streaming-read-overwrite | bool | false | N | stream diffs of overwrites (PK)
streaming-read-append-overwrite | bool | false | N | stream inserts of overwrites (append)
streaming.read.snapshot.delay | dur |  | N | hold back young snapshots
continuous.discovery-interval | dur | 10 s | N | poll interval
scan.max-splits-per-task | int | 10 | N | enumerator back-pressure
consumer-id | str |  | C | named progress
consumer.mode | enum exactly-once/at-least-once | exactly-once | N | what a consumer is promised
consumer.expiration-time | dur |  | Y | consumer TTL
consumer.ignore-progress | bool | false | N | start fresh but keep protecting
consumer.changelog-only | bool | false | Y | protect only changelog
scan.bounded.watermark | long |  | N | stop condition

# Scan
scan.mode | str | default | R | start position
scan.timestamp | str |  | R | time travel string
scan.timestamp-millis | long |  | R | time travel millis
scan.watermark | long |  | R | time travel watermark
scan.file-creation-time-millis | long |  | R | filter files by creation
scan.creation-time-millis | long |  | R | creation timestamp start
scan.snapshot-id | long |  | R | snapshot id
scan.tag-name | str |  | R | tag
scan.version | str |  | R | VERSION AS OF value
incremental-between | str |  | R | range start,end
incremental-between-scan-mode | enum auto/delta/changelog/diff | auto | N | how a range is read
incremental-between-timestamp | str |  | R | time range
incremental-between-tag-to-snapshot | bool | false | N | use tags' snapshots as ids
incremental-to-auto-tag | str |  | R | diff to auto tag
scan.plan-sort-partition | bool | false | N | plan in partition order
scan.bucket | int |  | R | scan one bucket
scan.manifest.parallelism | int |  | N | manifest read threads
scan.ignore-corrupt-files | bool | false | C | skip bad files
scan.ignore-lost-files | bool | false | C | skip missing files
scan.fallback-branch | str |  | R | partition fallback branch
scan.fallback-branch.read-fail-fast | bool | false | N | surface its errors
scan.primary-branch | str |  | R | preferred branch
scan.plan-auto-tag-for-read.time-retained | dur |  | N | protect batch reads by temp tag
source.split.target-size | size | 128 MB | N | split packing size
source.split.open-file-cost | size | 4 MB | Y | minimum weight of a file
stream-scan-mode | str | none | C | internal scan kind
batch-scan-mode | str | none | C | internal scan kind
query-auth.enabled | bool | false | RW | catalog row/column auth

# Snapshot & changelog retention
snapshot.num-retained.min | int | 10 | Y | min snapshots
snapshot.num-retained.max | int |  | Y | max snapshots
snapshot.time-retained | dur | 1 h | Y | max age
snapshot.expire.limit | int | 50 | Y | max expired per run
snapshot.expire.execution-mode | enum sync/async | sync | Y | who waits for expiry
snapshot.clean-empty-directories | bool | false | Y | remove empty dirs
changelog.num-retained.min | int |  | Y | decoupled min
changelog.num-retained.max | int |  | Y | decoupled max
changelog.time-retained | dur |  | Y | decoupled age
file-operation.thread-num | int |  | N | deletion threads
snapshot.watermark-idle-timeout | dur |  | N | force snapshot when idle

# Tags
tag.automatic-creation | enum none/process-time/watermark/batch | none | C | when to tag
tag.creation-period | enum daily/hourly/two-hours | daily | N | how often a tag is made
tag.creation-period-duration | dur |  | N | custom period
tag.creation-delay | dur | 0 ms | N | delay after period end
tag.period-formatter | str | with-dashes | N | name format
tag.num-retained-max | int |  | N | auto tags kept
tag.default-time-retained | dur |  | N | TTL for new tags
tag.time-expire-enabled | bool | true | N | TTL expiry switch
tag.automatic-completion | bool | false | N | fill missing periods
tag.create-success-file | bool | false | N | success file per tag
tag.batch.customized-name | str |  | N | batch tag name
tag.callbacks | str |  | C | callback classes
sink.watermark-time-zone | str | UTC | N | zone for watermark tags
sink.process-time-zone | str |  | N | zone for process-time tags
metastore.tag-to-partition | str |  | C | tags as Hive partitions
metastore.tag-to-partition.preview | str | none | N | preview of those

# Partition lifecycle
partition.expiration-time | dur |  | C | partition TTL
partition.expiration-strategy | str | values-time | N | values-time or update-time
partition.expiration-check-interval | dur | 1 h | N | check period
partition.expiration-max-num | int | 100 | N | max per run
partition.expiration-batch-size | int |  | N | batch size
partition.timestamp-formatter | str |  | N | parse format
partition.timestamp-pattern | str |  | N | value assembly pattern
partition.end-input-to-done | bool | false | C | mark done at batch end
partition.mark-done-action | str | success-file | N | actions
partition.mark-done-action.custom.class | str |  | N | custom class
partition.mark-done-action.http.url | str |  | N | report url
partition.mark-done-action.http.params | str |  | N | report payload
partition.idle-time-to-report-statistic | dur | 0 ms | N | report stats to metastore
end-input.check-partition-expire | bool | false | N | expire at batch end
metastore.partitioned-table | bool | false | N | register partitions in metastore

# Schema
alter-column-null-to-not-null.disabled | bool | true | N | forbid nullable→not null
disable-explicit-type-casting | bool | false | N | only widening casts
add-column-before-partition | bool | false | N | insert new columns before partition columns

# Clustering
clustering.columns | str |  | N | clustering keys
clustering.strategy | str | auto | N | auto/order/zorder/hilbert
clustering.incremental | bool | false | N | incremental clustering
clustering.incremental.optimize-write | bool | false | N | cluster before write
clustering.incremental.mode | enum global-sort/local-sort | global-sort | N | global or local sort
clustering.history-partition.limit | int | 5 | N | history partitions per run
clustering.history-partition.idle-to-full-sort | dur |  | N | idle time
sort-compaction.range-strategy | enum size/quantity | size | N | how ranges are cut
sort-compaction.local-sample.magnification | int | 1000 | N | sample size factor
zorder.var-length-contribution | int | 8 | Y | bytes per string in z-order
pk-clustering-override | bool | false | RWKI | cluster PK files by other columns
local-kv-db.block-size | size | 4 kb | N | local KV block

# Postpone bucket
postpone.batch-write-fixed-bucket | bool | true | N | batch writes go to real buckets
postpone.merge-on-read | bool | false | R | read postpone rows too
postpone.batch-write-fixed-bucket.max-parallelism | int | 2048 | N | bucket cap
postpone.batch-write-fixed-bucket.rescale-load-factor | int | 32 | N | rescale factor
postpone.default-bucket-num | int |  | N | bucket number of new partitions
postpone.target-row-num-per-bucket | long |  | N | estimate by rows
postpone.target-size-per-bucket | size | 1 gb | N | estimate by bytes

# Row tracking, blobs, indexes (append extras)
row-tracking.enabled | bool | false | WI | stable row ids
row-tracking.partition-group-on-commit | bool | true | N | contiguous ids per partition
data-evolution.enabled | bool | false | RWI | partial column files by row id
data-evolution.reassign.skip-contiguous-row-count | long | 1_000_000000 | N | reassign filter
data-evolution.row-id-conflict-rewrite.max-size | size | 256 MB | N | rebase cap (PyPaimon)
data-evolution.row-sidecar.enabled | bool | false | N | row sidecar files
data-evolution.row-sidecar.max-selected-rows | long | 4096 | N | sidecar row limit
data-evolution.row-sidecar.max-selection-ratio | double | 0.05 | N | sidecar ratio limit
data-evolution.merge-into.file-pruning | bool | true | N | merge-into pruning
data-evolution.merge-into.source-persist | bool | false | N | persist source
data-evolution.compaction.rewrite-row-ids | bool | false | C | legacy, must stay false
blob-field | str |  | RWI | columns stored as blobs
blob-descriptor-field | str |  | RWI | blobs stored as descriptors
blob-view-field | str |  | RWI | blobs referencing upstream tables
blob-view.resolve.enabled | bool | true | N | resolve views at read
blob-as-descriptor | bool | false | N | accept/return descriptors
blob-descriptor.source-table | str |  | N | table supplying IO for descriptors
blob.target-file-size | size |  | N | blob file size
blob.split-by-file-size | bool |  | N | count blob size in splits
blob.copy-buffer-size | size | 4 kb | N | copy buffer
blob-compaction.enabled | bool | false | N | compact blob files
blob-write-null-on-missing-file | bool | false | N | null for missing blobs
blob-write-null-on-fetch-failure | bool | false | N | null for failed fetch
vector.file.format | str |  | RW | vector store format
vector-field | str |  | RW | columns as vectors
vector.target-file-size | size |  | N | vector file size
vector-search.distribute.enabled | bool | false | N | distributed search
vector-search.lateral-join.batch-size | int | 256 | N | lateral batch
global-index.enabled | bool | true | N | use global indexes
global-index.external-path | str |  | N | index location
global-index.column-update-action | str | throw-error | N | action on indexed column update
global-index.row-count-per-shard | long | 100000 | N | rows per shard
global-index.build.max-shard | int | 32 | N | shard cap
global-index.build.max-parallelism | int | 4096 | N | build parallelism
global-index.search-mode | str |  | N | fallback search mode
scalar-index.search-mode | str | fast | N | scalar search mode
vector-index.search-mode | str | fast | N | vector search mode
full-text-index.search-mode | str | fast | N | text search mode
global-index.thread-num | int | 32 | N | index IO threads
pk-vector.index.columns | str |  | W | PK vector index
pk-btree.index.columns | str |  | W | PK btree index
pk-bitmap.index.columns | str |  | W | PK bitmap index
pk-multivalue.index.columns | str |  | W | PK array index
pk-full-text.index.columns | str |  | W | PK text index
variant.shreddingSchema | str |  | N | variant shredding schema
variant.inferShreddingSchema | bool | false | N | infer it
variant.shredding.inferenceMode | enum per-file/adaptive | per-file | N | per file or adaptive
variant.shredding.maxSchemaWidth | int | 300 | N | max fields
variant.shredding.maxSchemaDepth | int | 50 | N | max depth
variant.shredding.minFieldCardinalityRatio | double | 0.1 | N | presence threshold
variant.shredding.maxInferBufferRow | int | 4096 | N | rows buffered
variant.shredding.adaptive.maxInferBufferRow | int | 256 | N | rows sampled later
variant.shredding.adaptive.retentionRatio | double | 0.05 | N | keep threshold

# Chain table
chain-table.enabled | bool | false | RW | snapshot+delta branch chain
chain-table.chain-partition-keys | str |  | N | partition suffix in chain
chain-table.streaming.merge-snapshot | bool | false | N | merge at stream start
chain-table.split.key-range-enabled | bool | true | N | split by key range
scan.fallback-snapshot-branch | str |  | R | chain snapshot branch
scan.fallback-delta-branch | str |  | R | chain delta branch

# Flink connector
sink.parallelism | int |  | N | writers of a Flink sink
sink.savepoint.auto-tag | bool | false | N | a tag for each savepoint
scan.parallelism | int |  | N | readers of a Flink source
partition.idle-time-to-done | dur |  | N | idle time until a partition is marked done
partition.time-interval | dur |  | N | time that a partition covers
partition.mark-done-action.mode | str | process-time | N | clock of marking done
partition.mark-done.recover-from-state | bool | true | N | restore pending partitions
end-input.watermark | long |  | N | watermark of the last batch commit
precommit-compact | str |  | N | compact before the commit
changelog-producer.compaction-interval | dur |  | N | pause between full compactions
"""

# the first row whose pattern matches counts; * stands for one or more characters
PATTERNS: Final = """
# Column options
fields.*.aggregate-function | str |  | Y | aggregator of the column
fields.*.ignore-retract | bool | false | Y | keep the accumulator on a retraction
fields.*.sequence-group | str |  | Y | key lists ordering columns, value lists protected columns
fields.*.list-agg-delimiter | str | , | Y | delimiter of listagg
fields.*.distinct | bool | false | Y | distinct collect or listagg
fields.*.nested-key | str |  | Y | key of nested_update
fields.*.nested-key-null-strategy | str | merge | Y | null keys of nested_update
fields.*.nested-sequence-field | str |  | Y | order of nested_update
fields.*.count-limit | int |  | Y | most rows of nested_update
fields.*.ts-field | str |  | Y | timestamp of merge_map_with_keytime
fields.*.stats-mode | stats |  | Y | statistics of the column
fields.*.map.storage-layout | str | default | RW | physical layout of a map
fields.*.map.shared-shredding.* | str |  | N | limits of the shredded layout
fields.*.pk-vector.* | str |  | N | settings of a primary-key vector index
fields.*.pk-btree.* | str |  | N | settings of a primary-key btree index
fields.*.pk-bitmap.* | str |  | N | settings of a primary-key bitmap index
fields.*.pk-multivalue.* | str |  | N | settings of a primary-key array index
fields.*.pk-full-text.* | str |  | N | settings of a primary-key text index

# Families
file-index.*.columns | str |  | Y | columns with a file index
file-index.*.*.* | str |  | Y | parameter of a file index
parquet.* | str |  | N | passed to Java's Parquet writer
orc.* | str |  | N | passed to Java's ORC writer
avro.* | str |  | N | passed to Java's Avro writer
commit.callback.*.param | str |  | N | parameter of a commit callback
tag.callback.*.param | str |  | N | parameter of a tag callback
format-table.* | str |  | C | format tables
materialized-table.* | str |  | C | materialized tables
metadata.iceberg.storage | str | disabled | W | Iceberg metadata beside Paimon's
metadata.iceberg.* | str |  | N | settings of the Iceberg metadata
"""
