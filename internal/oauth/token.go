package oauth

import (
	"errors"
	"net/http"
	"time"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// token redeems a code or a refresh token.
func (s *Server) token(w http.ResponseWriter, r *http.Request, issuer string) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if form.Get("client_id") == "" {
		return &Error{"invalid_request", "The parameter client_id is missing."}
	}
	if err := checkResource(form, issuer); err != nil {
		return err
	}
	ctx, cancel := s.Admission.WithDeadline(r)
	defer cancel()
	var tokens app.AppTokens
	switch form.Get("grant_type") {
	case "authorization_code":
		tokens, err = s.App.RedeemCode(ctx, app.Redemption{
			Code: form.Get("code"), ClientID: form.Get("client_id"), RedirectURI: form.Get("redirect_uri"),
			Verifier: form.Get("code_verifier"),
		}, s.Admission.Client(r))
	case "refresh_token":
		tokens, err = s.App.RefreshApp(ctx, form.Get("refresh_token"), form.Get("client_id"), s.Admission.Client(r))
	default:
		return &Error{"unsupported_grant_type", "The grant_type must be authorization_code or refresh_token."}
	}
	if errors.Is(err, app.ErrInvalidGrant) {
		return &Error{"invalid_grant", "The code or token is not valid, was used before, or has expired. Sign in again."}
	}
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, r, http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int64  `json:"expires_in"` // seconds
		RefreshToken string `json:"refresh_token"`
		Scope        string `json:"scope"`
	}{
		tokens.Access.Secret(), "Bearer", int64(tokens.AccessExpiresAt.Sub(tokens.Now) / time.Second),
		tokens.Refresh.Secret(), Scope,
	})
	return nil
}

// revoke ends the app of a token (RFC 7009). A token that is not known is not an error.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request, _ string) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if form.Get("token") == "" {
		return &Error{"invalid_request", "The parameter token is missing."}
	}
	ctx, cancel := s.Admission.WithDeadline(r)
	defer cancel()
	if err := s.App.DisconnectByToken(ctx, form.Get("token"), form.Get("client_id"), s.Admission.Client(r)); err != nil {
		return err
	}
	httpx.WriteJSON(w, r, http.StatusOK, struct{}{})
	return nil
}
