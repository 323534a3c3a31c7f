package events

import (
	"encoding/binary"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// The acknowledgement on the wire, version 1. Integers are big-endian.
//
//	 0  1  version
//	 1  8  hash of the realm
//	 9 16  epoch, revision up to which the member has applied everything
//	25  2  length of the worker's name, length of the incarnation (one byte each)
//	27     worker, incarnation
//	    2  length of the extension
//	       extension
const (
	ackHead = 27
	// maxName bounds a worker's name and an incarnation, in bytes.
	maxName = 64
)

// appendAck appends a for a realm. It fails with [revocast.ErrInvalid] on an
// acknowledgement that decodeAck would refuse.
func appendAck(buf []byte, realm uint64, a *port.Ack) ([]byte, error) {
	if err := checkAck(a); err != nil {
		return buf, fmt.Errorf("%w: acknowledgement: %w", revocast.ErrInvalid, err)
	}
	buf = append(buf, wireVersion)
	buf = binary.BigEndian.AppendUint64(buf, realm)
	buf = binary.BigEndian.AppendUint64(buf, a.Applied.Epoch)
	buf = binary.BigEndian.AppendUint64(buf, a.Applied.Rev)
	buf = append(buf, byte(len(a.Member.Worker)), byte(len(a.Member.Incarnation)))
	buf = append(append(buf, a.Member.Worker...), a.Member.Incarnation...)
	return append(buf, 0, 0), nil
}

// decodeAck reads one acknowledgement into a. Errors are as with decodeEvent.
func decodeAck(data []byte, realm uint64, a *port.Ack) error {
	if len(data) < 1 || data[0] != wireVersion {
		return badVersion(data, wireVersion)
	}
	if len(data) < ackHead+2 {
		return undecodable("acknowledgement of %d bytes", len(data))
	}
	if len(data) > ackHead+2*maxName+2+maxExtra {
		return fmt.Errorf("%w: acknowledgement of %d bytes", errOversized, len(data))
	}
	if binary.BigEndian.Uint64(data[1:]) != realm {
		return errForeign
	}
	a.Applied.Epoch = binary.BigEndian.Uint64(data[9:])
	a.Applied.Rev = binary.BigEndian.Uint64(data[17:])
	worker, incarnation := int(data[25]), int(data[26])
	texts, err := takeTexts(data[ackHead:], worker+incarnation, 2*maxName)
	if err != nil {
		return err
	}
	a.Member.Worker, a.Member.Incarnation = texts[:worker], texts[worker:]
	if err := checkAck(a); err != nil {
		return fmt.Errorf("%w: %w", errUndecodable, err)
	}
	return nil
}

func checkAck(a *port.Ack) error {
	if !validName(a.Member.Worker) {
		return fmt.Errorf("worker of %d bytes: want 1 to %d printable characters", len(a.Member.Worker), maxName)
	}
	if !validName(a.Member.Incarnation) {
		return fmt.Errorf("incarnation of %d bytes: want 1 to %d printable characters", len(a.Member.Incarnation),
			maxName)
	}
	// A worker that has applied nothing yet has the zero position.
	if a.Applied.Epoch > uint64(revocast.Forever) || a.Applied.Rev > uint64(revocast.Forever) {
		return fmt.Errorf("position %s", a.Applied)
	}
	return nil
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName && validText(name)
}
