"""Request and response bodies of accounts, API keys, administration and usage."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from api.accounts.quotas import Quotas
from checkpoints.api_keys import ApiKey
from checkpoints.usage import DayUse
from checkpoints.users import USER_NAME, Account, Role, User

NAME_PATTERN = f"^{USER_NAME.pattern}$"
MAX_LIMIT = 2**40


def _encodable(text: str) -> str:
    text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
    return text


UserName = Annotated[str, Field(pattern=NAME_PATTERN)]
NewPassword = Annotated[str, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH), AfterValidator(_encodable)]
GivenPassword = Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_encodable)]
Limit = Annotated[int, Field(ge=0, le=MAX_LIMIT, strict=True)]


class NewAccount(BaseModel):
    """Everyone who registers gets the role `user`, even if the body names another."""

    username: UserName
    password: NewPassword


class Credentials(BaseModel):
    username: Annotated[str, Field(max_length=256), AfterValidator(_encodable)]
    password: GivenPassword


class PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    old_password: GivenPassword
    new_password: NewPassword


class UserView(BaseModel):
    id: str
    username: str
    role: Role

    @classmethod
    def of(cls, user: User) -> "UserView":
        return cls(id=user.id, username=user.name, role=user.role)


class TokenView(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int = Field(description="seconds")
    user: UserView


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_encodable)]


class KeyView(BaseModel):
    id: str
    name: str
    prefix: str = Field(description="the beginning of the key")
    created: float = Field(description="seconds since the epoch")
    last_used: float | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        return cls(id=key.id, name=key.name, prefix=key.prefix, created=key.created, last_used=key.used)


class CreatedKey(KeyView):
    key: str = Field(description="shown only once")


class KeyList(BaseModel):
    keys: list[KeyView]


class LimitsView(BaseModel):
    """0 means no limit."""

    requests_per_minute: int
    concurrent_runs: int
    tokens_per_day: int
    disk_mb: int

    @classmethod
    def of(cls, user: User, quotas: Quotas) -> "LimitsView":
        quota = quotas.of(user)
        return cls(
            requests_per_minute=quota.requests_per_minute,
            concurrent_runs=quota.concurrent_runs,
            tokens_per_day=quota.tokens_per_day,
            disk_mb=quota.disk_mb,
        )


class DayView(BaseModel):
    day: str
    runs: int
    tokens_in: int
    tokens_out: int

    @classmethod
    def of(cls, use: DayUse) -> "DayView":
        return cls(day=use.day, runs=use.runs, tokens_in=use.tokens_in, tokens_out=use.tokens_out)


class UsageView(BaseModel):
    limits: LimitsView
    tokens_today: int
    days: list[DayView]


class AdminUserView(UserView):
    disabled: bool
    limits: LimitsView
    own_limits: dict[str, int | None]
    created: float
    last_seen: float | None

    @classmethod
    def of_account(cls, account: Account, quotas: Quotas) -> "AdminUserView":
        user = account.user
        own = {
            "requests_per_minute": user.requests_per_minute,
            "concurrent_runs": user.concurrent_runs,
            "tokens_per_day": user.tokens_per_day,
            "disk_mb": user.disk_mb,
        }
        return cls(
            id=user.id,
            username=user.name,
            role=user.role,
            disabled=account.disabled,
            limits=LimitsView.of(user, quotas),
            own_limits=own,
            created=account.created,
            last_seen=account.seen,
        )


class AdminUserList(BaseModel):
    users: list[AdminUserView]
    next: str | None = Field(description="`after` of the next page")


class AdminNewUser(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: UserName
    password: NewPassword
    role: Role = "user"


class LimitChanges(BaseModel):
    """Omitted limits stay; null resets one to the default; 0 means no limit."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: Limit | None = None
    concurrent_runs: Limit | None = None
    tokens_per_day: Limit | None = None
    disk_mb: Limit | None = None


class UserChanges(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: Annotated[bool, Field(strict=True)] | None = None
    limits: LimitChanges | None = None


class ModelChoice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=200), AfterValidator(_encodable)]


class OwnModelChoice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=200), AfterValidator(_encodable)] | None = Field(
        description="null: the default"
    )


class ModelChoiceView(BaseModel):
    model: str
    available: list[str]


class UserDay(DayView):
    user_id: str
    username: str | None = Field(description="null if the account was deleted")


class AdminUsageView(BaseModel):
    days: list[UserDay]
