"""A process that holds one Java Paimon and asks it for filtered rows (see `oracle_worker.py`)."""

from __future__ import annotations

import sys

from tests.support.oracle_worker import Service, java_error
from tests.support.peers_line import serve


class IndexService(Service):
    """One more operation: the ids that a filtered read gives, which may be more than the filter's.

    Nothing but the filtered read touches the table, so data files may be missing that its indexes
    let Java leave out.
    """

    def __call__(self, op: str, warehouse: str, **arguments):
        if op != "filtered":
            return super().__call__(op, warehouse, **arguments)
        p = self.catalog(warehouse)
        name, filters = arguments["name"], arguments["filters"]
        t = p.table(name)
        names, types = zip(*p.types(t), strict=True)
        builder = p.P.predicate.PredicateBuilder(t.rowType())
        at = names.index(arguments["row_id"])
        found = []
        for column, operation, literals in filters:
            predicate = p.predicate(builder, types, names.index(column), operation, literals)
            ids, _ = p._filtered(t, predicate, at)
            found.append(sorted(ids))
        return found


if __name__ == "__main__":
    serve(IndexService(sys.argv[1].split(":")), java_error)
