package testenv

// Password is a password for tests, and PasswordHash its hash. The hash costs a
// thousandth of a real one, because under the race detector a real one takes
// seconds.
const (
	Password     = "correct horse"
	PasswordHash = "$argon2id$v=19$m=8,t=1,p=1$bWVtbyB0ZXN0cycgc2FsdA$4ndvGRr/oTsQA0b0jLzAuHVMzgOESGtZ+8Tqq9yGXPE"
)
