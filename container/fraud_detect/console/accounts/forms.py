"""The forms of accounts.

Knows WTForms. Never knows what becomes of what is entered.
"""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from fraud_detect.console.accounts.passwords import LONGEST
from fraud_detect.console.accounts.users import LONGEST_CUSTOMER
from fraud_detect.console.storage.tables import Role

LONGEST_NAME, LONGEST_CODE = 64, 16


class LogInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Name and password."""

    name = StringField("Name", [InputRequired("Enter your name."), Length(max=LONGEST_NAME)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=LONGEST)])


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code of an authenticator app."""

    code = StringField("Code", [InputRequired("Enter the six digits that your app shows."), Length(max=LONGEST_CODE)])


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The old password and a new one, twice."""

    old = PasswordField("Password so far", [InputRequired("Enter the password of now."), Length(max=LONGEST)])
    new = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=LONGEST)])
    again = PasswordField(
        "New password, again", [InputRequired("Enter it again."), EqualTo("new", "The two are not the same.")]
    )


class SecondFactorForm(FlaskForm):  # type: ignore[misc]
    """A first code of an app that is being set up, and the password of who does so."""

    password = PasswordField("Your password", [InputRequired("Enter your password."), Length(max=LONGEST)])
    code = StringField("Code", [InputRequired("Enter the six digits that the app shows."), Length(max=LONGEST_CODE)])


class OffForm(FlaskForm):  # type: ignore[misc]
    """The password of who turns the second factor off, and a code of the app that is no longer asked."""

    password = PasswordField("Your password", [InputRequired("Enter your password."), Length(max=LONGEST)])
    code = StringField("Code", [InputRequired("Enter the six digits that your app shows."), Length(max=LONGEST_CODE)])


class RoleForm(FlaskForm):  # type: ignore[misc]
    """A role, and whose account it is where the role is customer."""

    role = SelectField("Role", choices=[role.value for role in Role])
    customer = StringField("Customer", [Length(max=LONGEST_CUSTOMER)])

    @property
    def chosen(self) -> tuple[Role, str | None]:
        """Return the role, and the customer if one was named."""
        return Role(self.role.data), self.customer.data.strip() or None


class AccountForm(RoleForm):
    """A new account."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=LONGEST_NAME)])


class TokenForm(FlaskForm):  # type: ignore[misc]
    """A new token of a program."""

    name = StringField("Name of the program", [InputRequired("Enter a name."), Length(max=48)])
