"""The command line: parses arguments, calls one method of the library, prints what it returns.

Knows: the public names of ``tablestore`` and the terminal. Does not know: any room below
``catalog`` except types. Each verb is one small file that imports heavy modules when it runs,
so that ``tablestore --help`` answers at once.
"""
