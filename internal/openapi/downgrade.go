package openapi

import "encoding/json"

// Downgrade returns a document of version 3.1 in version 3.0, which has neither lists of types nor null.
func Downgrade(document []byte) ([]byte, error) {
	var d map[string]any
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	d["openapi"] = "3.0.3"
	if info, ok := d["info"].(map[string]any); ok {
		if license, ok := info["license"].(map[string]any); ok {
			license["url"] = "https://www.apache.org/licenses/LICENSE-2.0"
			delete(license, "identifier")
		}
	}
	downgrade(d)
	out, err := json.MarshalIndent(d, "", "  ")
	return append(out, '\n'), err
}

// downgrade rewrites every schema in v.
func downgrade(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			downgrade(item)
		}
	case map[string]any:
		for _, member := range v {
			downgrade(member)
		}
		if list, ok := v["anyOf"].([]any); ok && len(list) == 2 {
			if second, _ := list[1].(map[string]any); second["type"] == "null" {
				delete(v, "anyOf")
				v["type"], v["allOf"], v["nullable"] = "object", list[:1], true
			}
		}
		types, ok := v["type"].([]any)
		if !ok {
			return
		}
		delete(v, "type")
		for _, name := range types {
			if name == "null" {
				v["nullable"] = true
			} else {
				v["type"] = name // a schema of Memo has one type besides null
			}
		}
	}
}
