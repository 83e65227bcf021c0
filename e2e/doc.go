// Package e2e holds black-box tests: they build the binary, run it as real
// processes on SQLite and on PostgreSQL, and look at nothing but what a caller,
// an operator or a thief of the disk can see. What they hold the product to is
// in contract sections 1, 2 and 4.
//
// It has no code of its own, imports nothing of the product but package testenv,
// and repeats no test of a single room.
package e2e
