package search

import "strings"

// stopWords are the words of questions that say nothing about what is asked for, folded. The
// languages are those in which most callers ask. A word that is one in one language and says
// something in another ("war") is not in the list.
var stopWords = func() map[string]bool {
	out := map[string]bool{}
	for _, words := range []string{
		`a about after again all also am an and any are as at be because been before being both but by can could
		d did do does doing done during each for from had has have having he her here hers him his how i if in into
		is it its just ll m me more most much many my no nor not of off on once only or other our ours out over own
		please re s same she should so some such t than that the their theirs them then there these they this those
		through to too until up us ve very was we were what when where which while who whom whose why will with would
		you your yours`,
		`aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dem den denn der des dich die
		dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es euch
		für gab gibt haben hat hatte hatten ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ist ja kann kein keine
		können mein meine mich mir mit nach nicht noch nur ob oder ohne seid sein seine seinem seinen seiner sich sie
		sind so soll sollen sollte über um und uns unser unsere unter vom von vor waren wann warum was weil welche welchem
		welchen welcher welches wem wen wenn wer werden wessen wie wieso wir wird wo wurde wurden zu zum zur zwischen`,
		`без бы был была были было быть в вам вас весь во вот все всего всех вы где да для до его ее если есть еще
		же за и из или им их к как какая какие каких какое какой каком какую когда кого которая которые который кто
		куда ли меня мне мной мы на над нам нами нас наш наша наше наши не него нее нет ни них но о об он она они
		оно от по под почему при про с сам сколько со так там те тем то тот ты у уже хотя чего чем что чтобы эта
		эти это этого этой этом этот я`,
		`a al algo alguna algunos ante antes como con cual cuales cuando cuanta cuantas cuanto cuantos cuál cuáles
		cuándo cuánta cuántas cuánto cuántos cómo de del desde donde dónde e el ella ellas ellos en entre era es esa
		ese eso esta este esto fue ha han hasta hay la las le les lo los me mi mis muy más nada ni no nos nosotros o
		os para pero por porque que quien quienes quién quiénes qué se ser si sin sobre son su sus también te tiene
		tu un una unas uno unos y ya yo`,
	} {
		for _, word := range strings.Fields(Fold(words)) {
			out[word] = true
		}
	}
	return out
}()

// particles are the hiragana that follow or precede a word of Japanese without being part of it.
const particles = "はがをにでのへもとや"

// isStopPair reports whether a pair of characters is Japanese grammar: two hiragana, or a particle
// next to a character of a word.
func isStopPair(pair string) bool {
	hiragana, particle := 0, false
	n := 0
	for _, r := range pair {
		n++
		if isHiragana(r) {
			hiragana++
			particle = particle || strings.ContainsRune(particles, r)
		}
	}
	return n == 2 && (hiragana == 2 || hiragana == 1 && particle)
}

func isHiragana(r rune) bool { return 0x3041 <= r && r <= 0x309F }
