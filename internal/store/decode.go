package store

import (
	"bytes"
	"context"
	"fmt"

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

// decodeSegments decodes segments one by one, because there may be many. If ctx ends first, it
// returns its cause.
func decodeSegments(ctx context.Context, id string, array []byte) (segments []memo.Segment, err error) {
	if array == nil {
		return nil, nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(array)) // does not copy the buffer
	_, err = dec.ReadToken()
	for err == nil && dec.PeekKind() == '{' {
		if len(segments)%1000 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		segments = append(segments, memo.Segment{})
		err = json.UnmarshalDecode(dec, &segments[len(segments)-1])
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if err != nil {
		return nil, fmt.Errorf("store: segments of %s: %w", id, err)
	}
	return segments, nil
}
