"""What visitors send: shapes are checked here, truth by what the values are handed to."""

from __future__ import annotations

from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import current_app
from flask_wtf import FlaskForm
from flask_wtf.file import FileRequired, MultipleFileField
from wtforms import EmailField, Field, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from scanner.limits import stated

URL_LENGTH = 2_000  #: characters; what browsers and servers agree on for an address
EMAIL_LENGTH = 254  #: characters; RFC 5321, section 4.5.3.1.3, without the angle brackets


def _stripped(value: str | None) -> str | None:
    return value.strip() if value else value


class MailAddress:
    """Check and normalise a mail address without asking the name system: that could hold up the page."""

    def __call__(self, form: FlaskForm, field: Field) -> None:
        try:
            field.data = validate_email(field.data, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise ValidationError(f"This is not a mail address: {_sentence(str(error))}") from error


def _sentence(text: str) -> str:
    """Make a library's message continue a sentence of ours."""
    return text[:1].lower() + text[1:]


class AskForm(FlaskForm):
    """What every way of asking for a scan has: the address that the link may go to."""

    email = EmailField(
        "Email me the link when it is done",
        filters=[_stripped],
        validators=[
            Optional(),
            Length(max=EMAIL_LENGTH, message=f"A mail address has no more than {EMAIL_LENGTH} characters."),
            MailAddress(),
        ],
    )

    def refuse_email(self, sentence: str) -> None:
        """Put what is wrong with the mail address beside its field."""
        refuse(self.email, sentence)

    @property
    def address(self) -> str | None:
        """Return the cleaned mail address; None if none was given."""
        return self.email.data or None


def refuse(field: Field, sentence: str) -> None:
    """Put a sentence beside a field."""
    field.errors = [*field.errors, sentence]


class ScanForm(AskForm):
    """Ask for a scan of what is at an address."""

    url = StringField(
        "URL of the code",
        filters=[_stripped],
        validators=[
            DataRequired("Paste the address of the code that you want to have scanned."),
            Length(max=URL_LENGTH, message=f"This address is longer than {URL_LENGTH:,} characters."),
        ],
    )

    def refuse_url(self, sentence: str, advice: str) -> None:
        """Put what is wrong with the address beside its field."""
        refuse(self.url, f"{sentence} {advice}".strip())

    @property
    def values(self) -> dict[str, Any]:
        """Return the cleaned values; an address that was not given is None."""
        return {"url": self.url.data, "email": self.address}


class ListForm(AskForm):
    """Ask for a scan of each of several addresses."""

    urls = TextAreaField("Addresses, one on each line", validators=[DataRequired("Paste at least one address.")])

    @property
    def lines(self) -> list[str]:
        """Return the lines that say something."""
        return [line.strip() for line in (self.urls.data or "").splitlines() if line.strip()]

    def validate_urls(self, field: Field) -> None:
        limits = current_app.config["LIMITS"]
        if len(self.lines) > limits.listed_addresses:
            raise ValidationError(
                f"These are {len(self.lines):,} addresses, more than {stated(limits, 'listed_addresses')}."
            )


class UploadForm(AskForm):
    """Ask for a scan of files from the visitor's own disk."""

    files = MultipleFileField("File or files", validators=[FileRequired("Choose a file.")])


class PasteForm(AskForm):
    """Ask for a scan of a text."""

    name = StringField(
        "File name", filters=[_stripped], validators=[DataRequired("Give it a name, such as main.c."), Length(max=200)]
    )
    text = TextAreaField("Text", validators=[DataRequired("Paste the text that is to be scanned.")])

    def validate_text(self, field: Field) -> None:
        limits = current_app.config["LIMITS"]
        if len(field.data.encode("utf-8", "replace")) > limits.pasted_bytes:
            raise ValidationError(f"This text is longer than {stated(limits, 'pasted_bytes')}. Upload it as a file.")
