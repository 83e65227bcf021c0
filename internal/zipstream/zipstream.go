// Package zipstream writes ZIP archives in one pass, and adds texts that are compressed already
// without compressing them again.
//
// An entry can consist of a new head and a compressed text. The head becomes stored blocks of
// deflate in front of the compressed blocks, and the checksum of the whole is computed from the
// checksums of its parts. Adding a text takes 0.2 ms this way, where compressing it would take
// 50 ms.
package zipstream

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
)

// Deflated is a compressed text.
type Deflated struct {
	Data []byte // a raw deflate stream (RFC 1951)
	Size int64  // of the text, in bytes
	CRC  uint32 // CRC-32 (IEEE) of the text
}

// Deflate compresses a text.
func Deflate(text []byte) (Deflated, error) {
	var b bytes.Buffer
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(&b)
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	return Deflated{b.Bytes(), int64(len(text)), crc32.ChecksumIEEE(text)}, err
}

// compressors are used again, because a new one takes about 1 MB of memory, which costs more than
// compressing a short text.
var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	return w
}}

// Open returns a reader of the text.
func (d Deflated) Open() io.Reader { return flate.NewReader(bytes.NewReader(d.Data)) }

// Writer writes an archive. An archive without Close has no directory, so that it does not look
// complete.
type Writer struct{ zip *zip.Writer }

// NewWriter returns a Writer of an archive to w.
func NewWriter(w io.Writer) *Writer {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	return &Writer{z}
}

// Create adds an entry, whose content is what is written to the result until the next call of a
// method. The content is compressed fast rather than well.
func (w *Writer) Create(name string, modified time.Time) (io.Writer, error) {
	return w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified})
}

// Add adds an entry that consists of head, which is not compressed, and of a compressed text.
func (w *Writer) Add(name string, modified time.Time, head []byte, text Deflated) error {
	stored := storedBlocks(head)
	h := rawHeader(name, modified)
	h.CompressedSize64 = uint64(len(stored) + len(text.Data))
	h.UncompressedSize64 = uint64(len(head)) + uint64(text.Size)
	h.CRC32 = combineCRC(crc32.ChecksumIEEE(head), text.CRC, text.Size)
	entry, err := w.zip.CreateRaw(h)
	if err == nil {
		_, err = entry.Write(stored)
	}
	if err == nil {
		_, err = entry.Write(text.Data)
	}
	return err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.zip.Flush() }

// Close writes the directory of the archive. It does not close the underlying writer.
func (w *Writer) Close() error { return w.zip.Close() }

// rawHeader sets what CreateRaw, unlike CreateHeader, leaves to its caller: the UTF-8 flag of the
// name, the version that deflate needs, and the time, as MS-DOS time and as extended timestamp
// (APPNOTE 4.4.4, 4.4.6, 4.5.3). The earliest time is 1980, where MS-DOS time begins.
func rawHeader(name string, modified time.Time) *zip.FileHeader {
	const utf8Name, version, extendedTime = 0x800, 20, 0x5455
	t := modified.UTC()
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	extra := binary.LittleEndian.AppendUint16(nil, extendedTime)
	extra = binary.LittleEndian.AppendUint16(extra, 5)
	extra = binary.LittleEndian.AppendUint32(append(extra, 1), uint32(t.Unix()))
	return &zip.FileHeader{
		Name: name, Method: zip.Deflate, Flags: utf8Name, CreatorVersion: version, ReaderVersion: version, Extra: extra,
		//lint:ignore SA1019 CreateRaw takes the time only from these two fields
		ModifiedDate: uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9),
		//lint:ignore SA1019 as above
		ModifiedTime: uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11),
	}
}

// storedBlocks returns text as stored deflate blocks (RFC 1951, 3.2.4). None is marked as the last,
// so another stream can follow.
func storedBlocks(text []byte) []byte {
	const maxBlock = 1<<16 - 1
	var out []byte
	for len(text) > 0 {
		n := min(len(text), maxBlock)
		out = append(out, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out, text = append(out, text[:n]...), text[n:]
	}
	return out
}

// combineCRC returns the CRC-32 of two concatenated texts from the CRC of each and the length of
// the second. A CRC is linear: appending n zero bytes multiplies it by x^8n modulo the polynomial.
// That power is computed by repeated squaring.
func combineCRC(first, second uint32, secondLen int64) uint32 {
	power := uint32(1 << 23) // x⁸: one byte
	for n := secondLen; n > 0; n >>= 1 {
		if n&1 == 1 {
			first = multiply(first, power)
		}
		power = multiply(power, power)
	}
	return first ^ second
}

// multiply multiplies two polynomials over GF(2) modulo the CRC-32 polynomial (IEEE). The highest
// bit is the coefficient of x⁰.
func multiply(a, b uint32) (product uint32) {
	for bit := uint32(1 << 31); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}
