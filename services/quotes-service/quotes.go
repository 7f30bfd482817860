package main

type quote struct {
	Quote    string `json:"quote"`
	Language string `json:"language"`
}

// languageList names the languages of quotes, for people.
const languageList = "de, en, sv, zh"

var quotes = []quote{
	{"Aller Anfang ist schwer.", "de"},
	{"Übung macht den Meister.", "de"},
	{"Wer rastet, der rostet.", "de"},
	{"The best way out is always through.", "en"},
	{"To be, or not to be, that is the question.", "en"},
	{"Well begun is half done.", "en"},
	{"Borta bra men hemma bäst.", "sv"},
	{"Bättre en fågel i handen än tio i skogen.", "sv"},
	{"Även solen har sina fläckar.", "sv"},
	{"千里之行，始于足下。", "zh"},
	{"学而不思则罔，思而不学则殆。", "zh"},
	{"知之为知之，不知为不知，是知也。", "zh"},
}
