package read

import (
	"strconv"
	"strings"
)

// role is what a value in a JSON file means.
type role uint8

const (
	roleNone role = iota
	roleStart
	roleEnd
	roleLength
	roleText
	roleSpeaker
	roleParts
	roleOuterSpeaker // of the element that contains the list
	rolePersonID     // of a list of the speakers
	rolePersonName
	roleTurnStart
	roleTurnSpeaker
	roleTitle
	roleDate
	roleDuration
	roleLanguage
	roleTranscript
	roleCount
)

// kindOfNode is what happens at the end of an object.
type kindOfNode uint8

const (
	nodeItem   kindOfNode = iota + 1 // it is a segment or a word
	nodeOuter                        // it contains a list of segments or words
	nodePerson                       // it names a speaker
	nodeTurn                         // it says who speaks from some time on
)

// jsonNode is a place in a JSON file. What is at no node is skipped.
type jsonNode struct {
	members map[string]*jsonNode
	first   map[int]*jsonNode // elements of an array, by their index
	each    *jsonNode         // each other element
	node    kindOfNode
	role    role
	rank    uint16  // the position among the alternatives, from 1
	unit    float64 // in seconds; 0: that of the dialect
	joined  bool    // its values are parts of one text
	all     bool    // read it even if it is not needed
}

// at returns the node at a path, and makes it if it does not exist.
func (n *jsonNode) at(path string) *jsonNode {
	for step := range strings.SplitSeq(path, ".") {
		name, index, indexed := strings.Cut(step, "[")
		if name != "" {
			if n.members == nil {
				n.members = map[string]*jsonNode{}
			}
			if n.members[name] == nil {
				n.members[name] = &jsonNode{}
			}
			n = n.members[name]
		}
		if !indexed {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if err != nil || n.each != nil {
			if n.each == nil {
				n.each = &jsonNode{}
			}
			n = n.each
			continue
		}
		if n.first == nil {
			n.first = map[int]*jsonNode{}
		}
		if n.first[i] == nil {
			n.first[i] = &jsonNode{}
		}
		n = n.first[i]
	}
	return n
}

// add gives a role to the values at some paths below n. The first path has the highest rank, and a place has only the
// first role that it gets.
func (n *jsonNode) add(r role, paths string) {
	if paths == "" {
		return
	}
	for i, path := range alternatives(paths) {
		path, unit, _ := strings.Cut(path, "@")
		leaf := n.at(path)
		if leaf.role != roleNone || leaf.node != 0 {
			continue
		}
		leaf.role, leaf.rank, leaf.unit, leaf.all = r, uint16(i+1), units[unit], unit == "all"
		leaf.joined = r == roleText && strings.Contains(path, "[]")
	}
}

// units are the units of times, in seconds.
var units = map[string]float64{"s": 1, "ms": 1e-3, "cs": 1e-2, "ticks": 1e-7}

// lastRank is the rank of a property that is in each segment.
const lastRank = 10_000

// tree returns the root of the places that have something to read in a file of the dialect.
func (d *dialect) tree() *jsonNode {
	root := &jsonNode{}
	outer := root
	if i := strings.LastIndex(d.list, "[]"); i >= 0 {
		outer = root.at(d.list[:i+len("[]")])
		outer.node = nodeOuter
	}
	item := root.at(d.list + "[]")
	item.node = nodeItem
	item.add(roleStart, d.start)
	item.add(roleEnd, d.end)
	item.add(roleLength, d.length)
	item.add(roleText, d.text)
	item.add(roleParts, d.parts)
	for path := range strings.SplitSeq(d.speaker, "|") {
		if above, ok := strings.CutPrefix(path, "../"); ok {
			outer.add(roleOuterSpeaker, above)
		}
	}
	if !strings.HasPrefix(d.speaker, "../") {
		item.add(roleSpeaker, d.speaker)
	}
	item.add(roleSpeaker, anySpeaker)
	for name := range strings.SplitSeq("language|language_code|languageCode|locale|lang", "|") {
		item.at(name).role, item.at(name).rank = roleLanguage, lastRank
	}
	if d.turns != "" {
		turn := root.at(d.turns + "[]")
		turn.node = nodeTurn
		turn.add(roleTurnStart, "start_time")
		turn.add(roleTurnSpeaker, "speaker_label")
	}
	d.addProperties(root)
	return root
}

// addProperties adds the places of what is not about a segment.
func (d *dialect) addProperties(root *jsonNode) {
	rank := uint16(1)
	add := func(r role, path string) {
		path, unit, _ := strings.Cut(path, "@")
		if leaf := root.at(path); leaf.role == roleNone && leaf.node == 0 {
			leaf.role, leaf.rank, leaf.unit = r, rank, units[unit]
			rank = min(rank+1, lastRank-1)
		}
	}
	for _, above := range objectsAbove(d.list) {
		for _, container := range containers {
			for _, p := range properties {
				for _, name := range alternatives(p.names) {
					add(p.role, above+container+name)
				}
			}
		}
		if people := root.at(above + "speakers"); people.each == nil {
			person := root.at(above + "speakers[]")
			person.node = nodePerson
			person.add(rolePersonID, "id|speaker_id")
			person.add(rolePersonName, "name|speaker_name")
		}
	}
	for _, p := range otherProperties {
		add(p.role, p.path)
	}
}

// objectsAbove returns the paths of the objects that contain the list, each with a dot at its end, the innermost first.
func objectsAbove(list string) (paths []string) {
	for list != "" {
		i := strings.LastIndexByte(list, '.')
		if paths = append(paths, list[:i+1]); i < 0 {
			return paths
		}
		list = list[:i]
	}
	return append(paths, "")
}
