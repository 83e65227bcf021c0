package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// Item decodes the item.
func (it ListItem) Item() (memo.ListItem, error) { return decodeItem(it.ID, it.JSON) }

// Decode decodes a transcription without its Text, which [memo.Lines] can make from the segments.
// If ctx ends first, it returns its cause.
func (w Transcription) Decode(ctx context.Context) (*memo.Transcription, error) {
	d, err := decode(ctx, w.ID, w.JSON, w.Segments)
	if err != nil {
		return nil, err
	}
	d.Project, d.Reports = w.Project, w.Reports
	return d, nil
}

// decode decodes the stored item and segments of the transcription with this id.
func decode(ctx context.Context, id string, item, segments []byte) (*memo.Transcription, error) {
	d := new(memo.Transcription)
	var err error
	if d.ListItem, err = decodeItem(id, item); err != nil {
		return nil, err
	}
	d.Segments, err = decodeSegments(ctx, id, segments)
	return d, err
}

func decodeItem(id string, item []byte) (d memo.ListItem, err error) {
	if err = json.Unmarshal(item, &d); err != nil {
		err = fmt.Errorf("store: item %s: %w", id, err)
	}
	return d, err
}

// Segments are the segments of a transcription as they are stored, a JSON array.
type Segments []byte

// At decodes the segments at these indices, in one pass that ends at the last of them. If ctx ends
// first, it returns its cause.
func (s Segments) At(ctx context.Context, indices []int) ([]memo.Segment, error) {
	found := make([]memo.Segment, len(indices))
	left := len(indices)
	err := s.each(ctx, func(i int, d *jsontext.Decoder) (more bool, err error) {
		n := slices.Index(indices, i)
		if n < 0 {
			return left > 0, d.SkipValue()
		}
		left--
		return left > 0, json.UnmarshalDecode(d, &found[n])
	})
	return found, err
}

// decodeSegments decodes all segments of the transcription with this id. If ctx ends first, it
// returns its cause.
func decodeSegments(ctx context.Context, id string, s Segments) (segments []memo.Segment, err error) {
	err = s.each(ctx, func(_ int, d *jsontext.Decoder) (more bool, err error) {
		segments = append(segments, memo.Segment{})
		return true, json.UnmarshalDecode(d, &segments[len(segments)-1])
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("store: segments of %s: %w", id, err)
	}
	return segments, err
}

// each calls f with the index of each segment, to decode or skip it, until f returns false.
// Segments are decoded one by one, because there may be many.
func (s Segments) each(ctx context.Context, f func(int, *jsontext.Decoder) (more bool, err error)) error {
	if s == nil {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(s)) // does not copy the buffer
	_, err := d.ReadToken()
	more := true
	for i := 0; err == nil && more && d.PeekKind() == '{'; i++ {
		if i%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		more, err = f(i, d)
	}
	if err == nil && more {
		_, err = d.ReadToken()
	}
	return err
}
