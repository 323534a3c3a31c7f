package publishercmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/revocast/revocast/cmd/internal/wiring"
)

const (
	barWidth      = 30
	redrawAtLeast = 100 * time.Millisecond
)

// progress draws one line on a terminal and draws nothing elsewhere.
type progress struct {
	w     io.Writer // nil: nothing is drawn
	total int64     // bytes of input; 0: not known
	start time.Time
	drawn time.Time
}

// newProgress draws to w if that is a terminal. The total is known if in is a file.
func newProgress(w io.Writer, in io.Reader) *progress {
	p := &progress{start: time.Now()}
	if wiring.IsTerminal(w) {
		p.w = w
	}
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			p.total = info.Size()
		}
	}
	return p
}

// show draws the progress: revocations done, and bytes of input read.
func (p *progress) show(done int, read int64) {
	if p.w == nil || time.Since(p.drawn) < redrawAtLeast {
		return
	}
	p.drawn = time.Now()
	fmt.Fprintf(p.w, "\r%s\x1b[K", p.text(done, read, time.Since(p.start)))
}

// showRefilled draws how many events have been published again.
func (p *progress) showRefilled(events int) {
	if p.w == nil || time.Since(p.drawn) < redrawAtLeast {
		return
	}
	p.drawn = time.Now()
	fmt.Fprintf(p.w, "\r%d events published again, %.0f/s\x1b[K",
		events, float64(events)/max(time.Since(p.start).Seconds(), 0.001))
}

// clear removes the line.
func (p *progress) clear() {
	if p.w != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) text(done int, read int64, took time.Duration) string {
	rate := float64(done) / max(took.Seconds(), 0.001)
	count := fmt.Sprintf("%d revoked, %.0f/s", done, rate)
	if p.total == 0 {
		return count
	}
	part := min(1, float64(read)/float64(p.total))
	full := int(part * barWidth)
	return fmt.Sprintf("[%s%s] %3.0f%%  %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), 100*part,
		count)
}
