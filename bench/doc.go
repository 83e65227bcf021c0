// Package bench measures what a request costs the server. It has only benchmarks, which
// build the binary, start it and send requests over a socket:
//
//	make bench                        1,000,000 transcriptions, 7 rounds
//	make bench ROWS=50000 ROUNDS=3    50,000 transcriptions, 3 rounds
//	make bench BENCH=Request/list     some rows only
//	go test ./bench -run '^$' -bench . -benchtime 7x -timeout 0 -memo /path/of/memo
//
// The last line measures another build; benchstat compares two runs.
//
// # How to read the rows
//
// A cost is the CPU time, user and system, of the whole server process divided by
// the number of requests, in microseconds. It is read from /proc, so the benchmarks run
// on Linux only. It contains neither waiting nor the CPU time of the clients, which are
// in this process and use two keep-alive connections.
//
// "memo-µs" is the cost of the release build, which logs to a file. "base-µs" is that of
// the baseline. Unless the row names another, that is a bare net/http handler in its own
// process, which writes the same bytes with the same status and content type to the same
// number of connections. In each round the two run one after the other, and the ratio is
// calculated per round, so that other work on the machine affects both. The values are
// the medians of the rounds; "min-ratio" and "max-ratio" are the range of the ratio, and
// "aim" is what the ratio should not exceed. Microseconds differ between machines and
// days; compare the ratios.
//
// "Read" means that the response came from the database: each request has a new
// spelling, so that no response is cached. "Cached" is the same request repeated.
//
// The data is created once, under bench/out, and used by later runs. For 1,000,000
// transcriptions that takes ten to twenty minutes and 3 GB. Run one bench at a time.
//
// What parts of a request cost is measured in their packages; see BenchmarkAuthoriseKey
// in internal/app and BenchmarkCall in internal/mcp.
package bench
