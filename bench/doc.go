// Package bench measures what a request costs the server. It has only benchmarks, which
// build the binary, start it and send requests over a socket. At the end they print a table:
//
//	make bench                                  1,000 and 100,000 transcriptions, 5 rounds
//	make bench ROWS=1000000                     1,000 and 1,000,000
//	make bench BENCH=Request/list ROUNDS=1      some rows only
//	make bench BEFORE=/path/of/memo             next to an older binary
//
// An older binary cannot open data of a newer schema. Create its data with the bench of its
// source, with this data_test.go, and set BEFOREDATA to its directory bench/out.
//
// # How to read the table
//
// "now" is the median of the rounds, "before" that of the older binary in the same rounds, and
// "aim" what "now" should not exceed. Rows without an aim are for information.
//
// A cost is the CPU time, user and system, of the whole server process divided by
// the number of requests. It is read from /proc, so the benchmarks run on Linux only. It contains
// neither waiting nor the CPU time of the clients, which are in this process and use two
// keep-alive connections. It is that of the release build, which logs to a file.
//
// "× bare" is the ratio to the cost of a bare net/http handler in its own process, which writes
// the same bytes with the same status and content type to the same number of connections. In each
// round all sides run one after the other, and the ratio is calculated per round, so that other
// work on the machine affects all. Microseconds differ between machines and days; compare the
// ratios.
//
// "Read" means that the response came from the database: each request has a new
// spelling, so that no response is cached. "Unchanged" is the same request repeated.
//
// The data is created once, under bench/out, and used by later runs. Run one bench at a time.
//
// What parts of a request cost is measured in their packages; see BenchmarkAuthoriseKey
// in internal/app, BenchmarkTotal in internal/store and BenchmarkCall in internal/mcp.
package bench
