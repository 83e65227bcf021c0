package rest

import "net/url"

// setLinks sets the Link header of a page of a list (RFC 8288): the first page and, unless value is empty,
// the next, which has this value of this parameter. The other parameters are those of the request.
func (c *request) setLinks(parameter, value string) {
	query := c.r.URL.Query()
	query.Del("cursor")
	query.Del("offset")
	links := c.linkTo(query, "first")
	if value != "" {
		query.Set(parameter, value)
		links += ", " + c.linkTo(query, "next")
	}
	c.w.Header().Set("Link", links)
}

func (c *request) linkTo(query url.Values, rel string) string {
	target := c.publicURL + c.r.URL.Path // the path of a list has no character to escape
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return "<" + target + `>; rel="` + rel + `"`
}
