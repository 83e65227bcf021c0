package filename

// IsReserved is what the tests check of every name.
var IsReserved = isReserved
