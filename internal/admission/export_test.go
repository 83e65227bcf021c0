package admission

var (
	KeysInQuery = keysInQuery
	ParseBearer = parseBearer
)
