package testenv

// Password is a password for tests, and PasswordHash what is kept of it: one that
// costs a thousandth of a real one, for under the race detector those take seconds.
const (
	Password     = "correct horse"
	PasswordHash = "$argon2id$v=19$m=8,t=1,p=1$bWVtbyB0ZXN0cycgc2FsdA$4ndvGRr/oTsQA0b0jLzAuHVMzgOESGtZ+8Tqq9yGXPE"
)
