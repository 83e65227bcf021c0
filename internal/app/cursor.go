package app

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// A cursor holds the sort of its list and the position of the last item on the page, with a
// checksum that detects typing errors. It is not secret and grants no access: in another
// workspace it is only a position.

// nextCursor returns the cursor of the page after the item at position last. offset is where
// that page starts. A list by relevance has no stable key, so its cursor holds the offset.
func nextCursor(sort string, offset int, last store.ListPosition) string {
	s := fmt.Sprintf("%s|%d|%s", sort, last.Key, last.ID)
	if sort == "relevance" {
		s = fmt.Sprintf("%s|%d|", sort, offset)
	}
	s += fmt.Sprintf("|%08x", crc32.ChecksumIEEE([]byte(s)))
	return base64.RawURLEncoding.EncodeToString([]byte(s))
}

// parseCursor returns where the page of a cursor starts. It is KindInvalid unless the cursor came
// from a list with this sort.
func parseCursor(sort, cursor string) (store.Range, *memo.Error) {
	bad := memo.Invalid("cursor", "must be a next_cursor of the same list, unchanged")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) > 200 {
		return store.Range{}, bad
	}
	parts := strings.Split(string(raw), "|")
	if len(parts) != 4 || fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(strings.Join(parts[:3], "|")))) != parts[3] {
		return store.Range{}, bad
	}
	if parts[0] != sort {
		return store.Range{}, memo.Invalid("cursor", "belongs to a list with sort=%s", memo.Printable(parts[0], 20))
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return store.Range{}, bad
	}
	if sort == "relevance" {
		return store.Range{Offset: int(max(n, 0))}, nil
	}
	if _, err := uuid.Parse(parts[2]); err != nil {
		return store.Range{}, bad // anyone can compute the checksum
	}
	return store.Range{After: &store.ListPosition{Key: n, ID: parts[2]}}, nil
}
