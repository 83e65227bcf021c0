package search

// The limits that the tests reach.
const (
	MaxTerm          = maxTerm
	MaxQueryTerms    = maxQueryTerms
	MaxSnippetLength = maxSnippet
)
