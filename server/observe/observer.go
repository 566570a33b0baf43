package observe

import "sync"

// An Observer records decisions: each becomes one line of the log and is counted
// once. It may be used by many goroutines.
type Observer struct {
	*Metrics

	log   *Log
	texts *texts
	lines sync.Pool // of *[]byte
}

// lineBytes is what a usual line needs.
const lineBytes = 1 << 10

// maxKeptLine is the longest line whose memory is used again.
const maxKeptLine = 16 << 10

// New returns an observer that counts in metrics and writes to log. Without a
// log (nil) it only counts.
func New(metrics *Metrics, log *Log) *Observer {
	return &Observer{Metrics: metrics, log: log, texts: newTexts(), lines: sync.Pool{New: func() any {
		b := make([]byte, 0, lineBytes)
		return &b
	}}}
}

// Record counts e and writes its line. It keeps nothing of e and never waits for
// the log's writer. The digest of the body is computed for denials that a
// different body may explain, which are those about the credential.
func (o *Observer) Record(e *Event) {
	o.series.observe(e)
	if o.log == nil {
		return
	}
	line, ok := o.lines.Get().(*[]byte)
	if !ok {
		return // the pool holds nothing else
	}
	*line = o.texts.appendLine((*line)[:0], e)
	o.log.write(*line)
	if cap(*line) <= maxKeptLine {
		o.lines.Put(line)
	}
}
