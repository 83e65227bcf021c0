package params

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"memoai.tech/memo"
)

// UUID is a UUID in canonical form, or empty.
type UUID string

// UnmarshalText accepts a UUID in its usual notation only, in upper or lower case.
func (id *UUID) UnmarshalText(b []byte) error {
	u, err := uuid.ParseBytes(b)
	if err != nil || len(b) != len(uuid.Nil.String()) { // ParseBytes also accepts {…} and urn:uuid:…
		return &memo.Error{Kind: memo.KindInvalid, Code: "uuid", Message: "must be a UUID"}
	}
	*id = UUID(u.String())
	return nil
}

// Strings returns ids as strings.
func Strings(ids []UUID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}

// Date is a day, as the moment after midnight UTC. The zero value means that it is absent.
type Date struct{ Time time.Time }

// UnmarshalText accepts a date such as 2026-05-20.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return &memo.Error{Kind: memo.KindInvalid, Code: "date", Message: "must be a date such as 2026-05-20"}
	}
	d.Time = t.Add(time.Nanosecond) // so that 0001-01-01 is not the zero value
	return nil
}

// Instant is a moment. A date means its beginning in UTC.
type Instant struct{ Time time.Time }

// UnmarshalText accepts an RFC 3339 time, or a date.
func (i *Instant) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		t, err = time.Parse(time.DateOnly, string(b))
	}
	if err != nil {
		return &memo.Error{
			Kind: memo.KindInvalid, Code: "instant",
			Message: "must be an instant such as 2026-05-20T08:00:00Z, or a date (in a URL, + is written %2B)",
		}
	}
	i.Time = t.UTC()
	return nil
}

// Nullable is a text in JSON of which null and absence mean different things.
type Nullable[T any] struct {
	Given bool // not absent
	Value *T   // nil for null
}

// UnmarshalJSON records that the member is present. The decoder calls it for null too.
func (n *Nullable[T]) UnmarshalJSON(b []byte) error {
	n.Given = true
	return json.Unmarshal(b, &n.Value)
}

func (*Nullable[T]) isNullable() {}
