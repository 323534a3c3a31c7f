package events

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// A snapshot is a run of chunks and one message that closes it, version 2. Integers are
// big-endian; the last four bytes of each message are the CRC-32C of those before.
//
//	 0  1  version
//	 1  1  form: 1 chunk, 2 closing
//	 2  8  hash of the realm
//	10 16  id of the snapshot, random
//
// A chunk:
//
//	26  4  its number in the snapshot, from 0
//	30  4  number of states in it
//	34     states
//
// The closing:
//
//	26 16  epoch, revision that the snapshot stands for
//	42  4  number of chunks
//	46  8  number of states
//	54 32  SHA-256 of all chunks, one after the other
//	86  1  slot that the chunks are in: 0 or 1
//
// Nothing may follow. A later version that adds something takes another version byte: a reader that
// does not know that byte has no snapshot, and loads by other means.
const (
	snapVersion = 2
	snapChunk   = 1
	snapClosing = 2
	snapIDSize  = 16
	snapPrefix  = 26
	chunkHead   = 34
	closingSize = 87
	sumSize     = 4
)

type snapID [snapIDSize]byte

// chunk is the head of a chunk and its states, packed.
type chunk struct {
	id     snapID
	number uint32
	count  uint32
	states []byte
}

// closing says what a whole snapshot consists of.
type closing struct {
	id     snapID
	at     revocast.Position
	chunks uint32
	states uint64
	digest [32]byte
	slot   byte // which of the two holds the chunks
}

func crc(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

func appendSnapHead(buf []byte, form byte, realm uint64, id snapID) []byte {
	buf = append(buf, snapVersion, form)
	buf = binary.BigEndian.AppendUint64(buf, realm)
	return append(buf, id[:]...)
}

// openSnap checks what every message of a snapshot has, and returns what stands between
// head and checksum.
func openSnap(data []byte, form byte, realm uint64) (id snapID, body []byte, err error) {
	if len(data) < 1 || data[0] != snapVersion {
		return id, nil, badVersion(data, snapVersion)
	}
	if len(data) < snapPrefix+sumSize || data[1] != form {
		return id, nil, undecodable("part of a snapshot: %d bytes, not of form %d", len(data), form)
	}
	if binary.BigEndian.Uint64(data[2:]) != realm {
		return id, nil, errForeign
	}
	end := len(data) - sumSize
	if binary.BigEndian.Uint32(data[end:]) != crc(data[:end]) {
		return id, nil, undecodable("part of a snapshot: checksum does not match")
	}
	return snapID(data[10:]), data[snapPrefix:end], nil
}

// beginChunk and endChunk enclose the states of a chunk.
func beginChunk(buf []byte, realm uint64, id snapID, number uint32) []byte {
	buf = appendSnapHead(buf, snapChunk, realm, id)
	return binary.BigEndian.AppendUint64(buf, uint64(number)<<32)
}

func endChunk(buf []byte, count uint32) []byte {
	binary.BigEndian.PutUint32(buf[30:], count)
	return binary.BigEndian.AppendUint32(buf, crc(buf))
}

func decodeChunk(data []byte, realm uint64) (c chunk, err error) {
	id, body, err := openSnap(data, snapChunk, realm)
	if err != nil {
		return c, err
	}
	if len(body) < chunkHead-snapPrefix {
		return c, undecodable("chunk of %d bytes", len(data))
	}
	c = chunk{id: id, number: binary.BigEndian.Uint32(body), count: binary.BigEndian.Uint32(body[4:]), states: body[8:]}
	if c.count == 0 || uint64(c.count)*minState > uint64(len(c.states)) {
		return chunk{}, undecodable("chunk of %d states in %d bytes", c.count, len(data))
	}
	return c, nil
}

// each hands the states of c to on. An error of on ends it and is returned as it is.
func (c chunk) each(on func(port.KeyedState) error) error {
	rest := c.states
	for range c.count {
		var k port.KeyedState
		var err error
		if rest, err = takeState(rest, &k); err != nil {
			return err
		}
		if err := on(k); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return undecodable("%d bytes after the last state of a chunk", len(rest))
	}
	return nil
}

func encodeClosing(realm uint64, c closing) []byte {
	buf := appendSnapHead(make([]byte, 0, closingSize+sumSize), snapClosing, realm, c.id)
	buf = binary.BigEndian.AppendUint64(buf, c.at.Epoch)
	buf = binary.BigEndian.AppendUint64(buf, c.at.Rev)
	buf = binary.BigEndian.AppendUint32(buf, c.chunks)
	buf = binary.BigEndian.AppendUint64(buf, c.states)
	buf = append(append(buf, c.digest[:]...), c.slot)
	return binary.BigEndian.AppendUint32(buf, crc(buf))
}

func decodeClosing(data []byte, realm uint64) (c closing, err error) {
	id, body, err := openSnap(data, snapClosing, realm)
	if err != nil {
		return c, err
	}
	if len(data) != closingSize+sumSize {
		return c, undecodable("closing of %d bytes", len(data))
	}
	c = closing{
		id: id, at: revocast.Position{Epoch: binary.BigEndian.Uint64(body), Rev: binary.BigEndian.Uint64(body[8:])},
		chunks: binary.BigEndian.Uint32(body[16:]), states: binary.BigEndian.Uint64(body[20:]),
		digest: [32]byte(body[28:]), slot: body[60],
	}
	if err := checkSnapshotAt(c.at); err != nil {
		return closing{}, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	if (c.chunks == 0) != (c.states == 0) || c.slot > 1 {
		return closing{}, undecodable("snapshot of %d states in %d chunks on subject %d", c.states, c.chunks, c.slot)
	}
	return c, nil
}

// checkSnapshotAt: revision 0 is the beginning of an epoch.
func checkSnapshotAt(p revocast.Position) error {
	if p.Epoch == 0 || p.Epoch > uint64(revocast.Forever) || p.Rev > uint64(revocast.Forever) {
		return fmt.Errorf("snapshot as of %s", p)
	}
	return nil
}
