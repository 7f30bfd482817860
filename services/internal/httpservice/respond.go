package httpservice

import (
	"encoding/json"
	"net/http"
)

// Shared between answers, because one made by Header.Set would cost each of
// them an allocation. It is never written to.
var jsonContentType = []string{"application/json"}

// JSON answers with body, which must be encoded JSON.
func JSON(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonContentType
	w.WriteHeader(status)
	w.Write(body) // fails only when the client is gone
}

// Error answers {"message": message}. The message names the value that was
// refused and what is allowed.
func Error(w http.ResponseWriter, status int, message string) {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		panic(err) // a map of strings can always be encoded
	}
	JSON(w, status, body)
}
