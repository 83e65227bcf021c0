package app

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
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
// that page starts. A list by relevance and one that is filled up have no stable key, so their
// cursor holds the offset; last is then not read or zero.
func nextCursor(sort string, offset int, last store.ListPosition) string {
	n, id := last.Key, last.ID
	if sort == "relevance" || id == "" {
		n, id = int64(offset), ""
	}
	b := append(append(make([]byte, 0, 96), sort...), '|')
	b = append(append(strconv.AppendInt(b, n, 10), '|'), id...)
	return encodeCursor(b)
}

// encodeCursor returns the cursor with these parts, which are separated by |.
func encodeCursor(parts []byte) string {
	return base64.RawURLEncoding.EncodeToString(appendChecksum(parts))
}

// decodeCursor returns the n parts of a cursor. It is false unless its checksum is right.
func decodeCursor(cursor string, n int) (parts []string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) > 200 {
		return nil, false
	}
	parts = strings.Split(string(raw), "|")
	if len(parts) != n+1 || string(appendChecksum([]byte(strings.Join(parts[:n], "|")))) != string(raw) {
		return nil, false
	}
	return parts[:n], true
}

// appendChecksum appends the checksum of a cursor to its other parts.
func appendChecksum(b []byte) []byte {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))
	return hex.AppendEncode(append(b, '|'), sum)
}

// parseCursor returns where the page of a cursor starts. It is KindInvalid unless the cursor came
// from a list with this sort.
func parseCursor(sort, cursor string) (store.Range, *memo.Error) {
	bad := memo.Invalid("cursor", "must be a next_cursor of the same list, unchanged")
	parts, ok := decodeCursor(cursor, 3)
	if !ok {
		return store.Range{}, bad
	}
	if parts[0] != sort {
		return store.Range{}, memo.Invalid("cursor", "belongs to a list with sort=%s", memo.Printable(parts[0], 20))
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return store.Range{}, bad
	}
	if sort == "relevance" || parts[2] == "" {
		return store.Range{Offset: int(max(n, 0))}, nil
	}
	if _, err := uuid.Parse(parts[2]); err != nil {
		return store.Range{}, bad // anyone can compute the checksum
	}
	return store.Range{After: &store.ListPosition{Key: n, ID: parts[2]}}, nil
}
