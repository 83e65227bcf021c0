package web

import (
	"net/http"
	"strconv"

	"memoai.tech/memo"
)

// keyPolicyPage is the form for what a workspace demands of its keys and connected apps.
type keyPolicyPage struct {
	formPage
	ExpiryRequired bool
}

func showKeyPolicy(v *pageRequest) error {
	policy, err := v.App.KeyPolicy(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	days := formField{
		Name: "max_lifetime_days", Label: "Maximum lifetime in days", Type: "number", Autocomplete: "off",
		Hint: "Keys and apps stop working so many days after they were created. Leave empty for no maximum.",
	}
	if policy.MaxLifetimeDays != nil {
		days.Value = strconv.Itoa(*policy.MaxLifetimeDays)
	}
	p := keyPolicyPage{
		formPage{v.newLayout("keys", "Key policy"), v.form(days, allowedIPs("Leave empty to allow all.", policy.AllowedIPs))},
		policy.ExpiryRequired,
	}
	if v.entered.Has("max_lifetime_days") {
		p.ExpiryRequired = v.entered.Has("expiry_required")
	}
	return v.render("keypolicy", p)
}

func doSetKeyPolicy(v *pageRequest) error {
	submitted := v.r.PostForm
	p := memo.KeyPolicy{ExpiryRequired: submitted.Has("expiry_required"), AllowedIPs: words(submitted.Get("allowed_ips"))}
	if s := submitted.Get("max_lifetime_days"); s != "" {
		days, err := strconv.Atoi(s)
		if err != nil {
			return v.show(showKeyPolicy, http.StatusUnprocessableEntity,
				memo.Invalid("max_lifetime_days", "must be a whole number"))
		}
		p.MaxLifetimeDays = &days
	}
	if _, err := v.App.SetKeyPolicy(v.ctx, v.Caller, p); err != nil {
		return v.refuse(showKeyPolicy, err, memo.KindInvalid)
	}
	return v.redirect(v.keysPath() + "?done=policy")
}
