// Package e2e holds black-box tests of docs/contract.md. They build the binary,
// run it as real processes on SQLite and on PostgreSQL, and check only what a
// caller, an operator or anyone with access to the disk can see.
//
// Of the other packages it imports only testenv and demo.
package e2e
