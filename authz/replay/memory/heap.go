package memory

import "math"

// nowhere is the place of an entry that is not in a heap.
const nowhere = math.MaxUint32

// A heap orders slots by a value of their entries, the least on top. Each entry
// knows its place, so that it can be taken out anywhere.
type heap struct {
	place int // which of the entry's places is ours
	value func(*entry) int64
	slots []slot
}

// top returns the slot with the least value.
func (h *heap) top() (slot, bool) {
	if len(h.slots) == 0 {
		return 0, false
	}
	return h.slots[0], true
}

func (h *heap) push(s *slab, at slot) {
	h.slots = append(h.slots, at)
	h.up(s, len(h.slots)-1)
}

// remove takes a slot out, if it is there.
func (h *heap) remove(s *slab, at slot) {
	place := s.at(at).places[h.place]
	if place == nowhere {
		return
	}
	i, last := int(place), len(h.slots)-1
	moved := h.slots[last]
	h.slots = h.slots[:last]
	s.at(at).places[h.place] = nowhere
	if i == last {
		return
	}
	h.set(s, i, moved)
	h.down(s, i)
	h.up(s, int(s.at(moved).places[h.place]))
}

func (h *heap) set(s *slab, i int, at slot) {
	h.slots[i] = at
	s.at(at).places[h.place] = uint32(i) //nolint:gosec // G115: as many as slots, which are 32 bits
}

func (h *heap) up(s *slab, i int) {
	at := h.slots[i]
	value := h.value(s.at(at))
	for i > 0 {
		parent := (i - 1) / 2
		if h.value(s.at(h.slots[parent])) <= value {
			break
		}
		h.set(s, i, h.slots[parent])
		i = parent
	}
	h.set(s, i, at)
}

func (h *heap) down(s *slab, i int) {
	at := h.slots[i]
	value := h.value(s.at(at))
	for {
		child := 2*i + 1
		if child >= len(h.slots) {
			break
		}
		if right := child + 1; right < len(h.slots) && h.value(s.at(h.slots[right])) < h.value(s.at(h.slots[child])) {
			child = right
		}
		if h.value(s.at(h.slots[child])) >= value {
			break
		}
		h.set(s, i, h.slots[child])
		i = child
	}
	h.set(s, i, at)
}
