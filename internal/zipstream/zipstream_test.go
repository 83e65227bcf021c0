package zipstream_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo/internal/zipstream"
)

func ExampleWriter() {
	text, err := zipstream.Deflate([]byte("[00:42] Jordan: Of course.\n"))
	if err != nil {
		panic(err)
	}
	var archive bytes.Buffer
	z := zipstream.NewWriter(&archive)
	// The stored text gets a head that was not known when it was compressed.
	if err := z.Add("standup.md", time.Now(), []byte("# Stand-up\n\n"), text); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	read, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		panic(err)
	}
	for _, file := range read.File {
		content, err := contentOf(file)
		fmt.Printf("%s, %d bytes, error %v:\n%s", file.Name, file.UncompressedSize64, err, content)
	}
	// Output:
	// standup.md, 39 bytes, error <nil>:
	// # Stand-up
	//
	// [00:42] Jordan: Of course.
}

// contentOf reads a file of an archive. The reader of package zip checks its size and checksum.
func contentOf(f *zip.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// checkAddedIsLikeCreated: package zip reads an entry of a head and a compressed text as it reads
// an entry that was created with the same content, time and name.
func checkAddedIsLikeCreated(t *rapid.T) {
	part := rapid.Custom(func(t *rapid.T) []byte {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		// Repeated, so that some need several stored blocks, of at most 65,535 bytes each.
		return bytes.Repeat(b, rapid.SampledFrom([]int{1, 1, 1, 2, 5000}).Draw(t, "times"))
	})
	type entry struct{ head, text []byte }
	entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) entry {
		return entry{part.Draw(t, "head"), part.Draw(t, "text")}
	}), 1, 3).Draw(t, "entries")
	name := rapid.StringMatching(`[a-zé日/ ]{0,10}\.md`).Draw(t, "name")
	// From 1980 to 2099: MS-DOS time and the extended timestamp end a few years later.
	modified := time.Unix(rapid.Int64Range(315532800, 4102444799).Draw(t, "modified"), 0)

	var archive bytes.Buffer
	z := zipstream.NewWriter(&archive)
	for _, e := range entries {
		text, err := zipstream.Deflate(e.text)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(text.Open()); err != nil || !bytes.Equal(plain, e.text) {
			t.Fatalf("the compressed text has %d bytes (%v), want the original %d", len(plain), err, len(e.text))
		}
		w, err := z.Create(name, modified.UTC())
		if err == nil {
			_, err = w.Write(append(bytes.Clone(e.head), e.text...))
		}
		if err == nil {
			err = z.Add(name, modified, e.head, text)
		}
		if err == nil {
			err = z.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}

	read, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil || len(read.File) != 2*len(entries) {
		t.Fatalf("%v, want an archive of %d files", err, 2*len(entries))
	}
	for i, e := range entries {
		var described [2]string
		for n := range described {
			f := read.File[2*i+n]
			content, err := contentOf(f)
			if err != nil || content != string(e.head)+string(e.text) {
				t.Fatalf("file %d has %d bytes (%v), want %d and the same content", n, len(content), err, len(e.head)+len(e.text))
			}
			h := f.FileHeader
			described[n] = fmt.Sprintf("%q, %s, method %d, not UTF-8 %v, version %d, %d bytes, CRC %08x, extra % x", h.Name,
				h.Modified, h.Method, h.NonUTF8, h.ReaderVersion, h.UncompressedSize64, h.CRC32, h.Extra)
		}
		if diff := cmp.Diff(described[0], described[1]); diff != "" {
			t.Errorf("an added file differs from a created one: %s", diff)
		}
	}
}

func TestAddedIsLikeCreated(t *testing.T) { rapid.Check(t, checkAddedIsLikeCreated) }

func FuzzAddedIsLikeCreated(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkAddedIsLikeCreated)) }

// TestTimesBefore1980: they cannot be expressed in MS-DOS time.
func TestTimesBefore1980(t *testing.T) {
	var archive bytes.Buffer
	z := zipstream.NewWriter(&archive)
	if err := z.Add("a", time.Date(1970, 5, 20, 9, 0, 0, 0, time.UTC), nil, deflated(t, "text")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read.File[0].Modified, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the time is %s, want %s", got, want)
	}
}

// TestArchiveWithoutCloseCannotBeRead, so that a client notices an archive that broke off.
func TestArchiveWithoutCloseCannotBeRead(t *testing.T) {
	var archive bytes.Buffer
	z := zipstream.NewWriter(&archive)
	if err := z.Add("a", time.Now(), []byte("head"), deflated(t, "text")); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len())); err == nil {
		t.Error("an archive without a directory can be opened")
	}
}

func deflated(t *testing.T, text string) zipstream.Deflated {
	t.Helper()
	d, err := zipstream.Deflate([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
